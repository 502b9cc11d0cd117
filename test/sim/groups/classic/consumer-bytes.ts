// A consumer's client writes this into the opaque bytes of the classic protocol.

const numberOf = (value: number, size: 2 | 4): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
};

const text = (value: string): Buffer => Buffer.concat([numberOf(Buffer.byteLength(value), 2), Buffer.from(value)]);

const list = (parts: readonly Buffer[]): Buffer => Buffer.concat([numberOf(parts.length, 4), ...parts]);

export type Places = readonly { readonly topic: string; readonly partitions: readonly number[] }[];

const places = (of: Places): Buffer =>
  list(
    of.map(({ topic, partitions }) =>
      Buffer.concat([text(topic), list(partitions.map((partition) => numberOf(partition, 4)))]),
    ),
  );

const noUserData = numberOf(-1, 4);

/** Version 2 tells besides what the member owns, and since which generation. An eager member owns nothing when it joins. */
export const subscriptionBytes = (topics: readonly string[], owned: Places = [], generation = -1): Uint8Array =>
  new Uint8Array(
    Buffer.concat([numberOf(2, 2), list(topics.map(text)), noUserData, places(owned), numberOf(generation, 4)]),
  );

/** Reads such bytes. */
export function ownedIn(metadata: Uint8Array): { readonly owned: Places; readonly generation: number } {
  const bytes = Buffer.from(metadata);
  let at = 0;
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (size: 2 | 4) => take(size).readIntBE(0, size);
  const word = () => take(number(2)).toString();
  const all = <T>(read: () => T) => Array.from({ length: number(4) }, read);
  number(2);
  all(word);
  number(4);
  const owned = all(() => ({ topic: word(), partitions: all(() => number(4)) }));
  return { owned, generation: number(4) };
}

export const assignmentBytes = (of: Places): Uint8Array =>
  new Uint8Array(Buffer.concat([numberOf(0, 2), places(of), noUserData]));
