// Consumers tell each other within the opaque bytes of protocol type `consumer` their topics, and who gets which
// partition. Other protocol types, as that of Kafka Connect, have other bytes. Bytes that are malformed say nothing.
// https://kafka.apache.org/protocol#protocol_messages (ConsumerProtocolSubscription, ConsumerProtocolAssignment)

export const consumerProtocolType = 'consumer';

export type NamedPartitions = { readonly topic: string; readonly partitions: readonly number[] };

/** The topics that a member subscribes to. */
export const subscribedTopics = (metadata: Uint8Array): readonly string[] => {
  const topics = parsed(metadata, (reader) => reader.list(() => reader.text()));
  return [...new Set(topics)].sort();
};

export const assignedPartitions = (assignment: Uint8Array): readonly NamedPartitions[] =>
  parsed(assignment, (reader) =>
    reader.list(() => ({ topic: reader.text(), partitions: reader.list(() => reader.number(4)) })),
  );

type Reader = {
  number(bytes: 2 | 4): number;
  text(): string;
  list<T>(read: () => T): T[];
};

function parsed<T>(bytes: Uint8Array, read: (reader: Reader) => T[]): T[] {
  const reader = readerOf(bytes);
  try {
    const version = reader.number(2);
    return version < 0 ? [] : read(reader);
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function readerOf(bytes: Uint8Array): Reader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const number = (size: 2 | 4): number => {
    const value = view.readIntBE(at, size);
    at += size;
    return value;
  };
  const count = (size: 2 | 4): number => {
    const value = number(size);
    if (value < 0 || value > view.length - at) throw new RangeError('the length is beyond the bytes that are left');
    return value;
  };
  return {
    number,
    text() {
      const length = count(2);
      const text = view.toString('utf8', at, at + length);
      at += length;
      return text;
    },
    list: (read) => Array.from({ length: count(4) }, read),
  };
}
