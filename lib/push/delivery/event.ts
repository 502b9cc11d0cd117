// The event that a target receives: the shape of Lambda's own source for self-managed Kafka, so that a handler written for
// that source runs unchanged. https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html
//
// Invariant: the text of an event is never longer than the bytes that were counted for its records and for what is around
// them. Lengths are bytes of UTF-8, as Lambda counts them.
import type { PushBatch, PushRecord } from '../../api/push.ts';

/** In the event and in the answer to it, a partition is named like this: `orders-0`. */
export const partitionName = ({ topic, partition }: Pick<PushBatch, 'topic' | 'partition'>): string =>
  `${topic}-${partition}`;

/**
 * The event as JSON. A webhook's signature covers exactly this text.
 *
 * @param bootstrapServers Where a client of Kafka's protocol would connect: `host:port`, several with commas.
 */
export function eventBody({ topic, partition, records }: PushBatch, bootstrapServers: string): string {
  const list = records.map((record) => ({
    ...{ topic, partition, offset: record.offset, timestamp: record.timestampMs, timestampType: record.timestampType },
    // Lambda leaves out a key or a value that is null.
    ...(record.key && { key: base64(record.key) }),
    ...(record.value && { value: base64(record.value) }),
    headers: record.headers.map(({ key, value }) => ({ [key]: signedBytes(value) })),
  }));
  const name = partitionName({ topic, partition });
  return JSON.stringify({ eventSource: 'SelfManagedKafka', bootstrapServers, records: { [name]: list } });
}

const base64 = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString('base64');

/** Lambda writes the bytes of a header as Java does: from -128 to 127. */
const signedBytes = (value: Uint8Array | null): number[] =>
  value === null ? [] : Array.from(new Int8Array(value.buffer, value.byteOffset, value.length));

/** The names of the members, five numbers and a topic's name take less than this, in one record and around all of them. */
const envelopeBytes = 512;
/** `-128,` */
const headerByteBytes = 5;
/** `{"":[]},` */
const headerBytes = 8;

/** The bytes that a record adds to an event, at most. No text is made of it: the headers could grow fivefold. */
export function bytesOf({ key, value, headers }: PushRecord): number {
  const ofHeaders = headers.map(
    (header) => headerBytes + escapedBytes(header.key) + headerByteBytes * (header.value?.length ?? 0),
  );
  return ofHeaders.reduce((sum, bytes) => sum + bytes, envelopeBytes + base64Bytes(key) + base64Bytes(value));
}

const base64Bytes = (bytes: Uint8Array | null): number => 4 * Math.ceil((bytes?.length ?? 0) / 3);

/** A control character becomes six ones (`\u0000`), and any other at most three bytes. */
const escapedBytes = (text: string): number => 6 * text.length;
