// A consumer's client writes this into the opaque bytes of the classic protocol.

const numberOf = (value: number, size: 2 | 4): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
};

const text = (value: string): Buffer => Buffer.concat([numberOf(Buffer.byteLength(value), 2), Buffer.from(value)]);

const list = (parts: readonly Buffer[]): Buffer => Buffer.concat([numberOf(parts.length, 4), ...parts]);

/** Version 0, without the user's own data. */
const message = (body: Buffer): Uint8Array => new Uint8Array(Buffer.concat([numberOf(0, 2), body, numberOf(-1, 4)]));

export const subscriptionBytes = (topics: readonly string[]): Uint8Array => message(list(topics.map(text)));

export const assignmentBytes = (
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): Uint8Array =>
  message(
    list(
      topics.map(({ topic, partitions }) =>
        Buffer.concat([text(topic), list(partitions.map((partition) => numberOf(partition, 4)))]),
      ),
    ),
  );
