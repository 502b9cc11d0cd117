// A position in some bytes. Readers and writers of varints and slices move `at`. Readers never pass `end`.

export type Cursor<Bytes extends Uint8Array = Uint8Array> = {
  readonly bytes: Bytes;
  at: number;
  readonly end: number;
};

/** The bytes are not of the expected form: there are too few of them, or a value is out of range. */
export class MalformedBytesError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedBytesError';
  }
}

/** Takes the next `length` bytes, as a view and not as a copy. */
export function takeBytes<Bytes extends Uint8Array>(cursor: Cursor<Bytes>, length: number): Bytes {
  const from = cursor.at;
  if (length < 0 || length > cursor.end - from) {
    throw new MalformedBytesError(`expected ${length} bytes at ${from}, got ${cursor.end - from}`);
  }
  cursor.at = from + length;
  return cursor.bytes.subarray(from, cursor.at) as Bytes;
}

export function putBytes(cursor: Cursor, bytes: Uint8Array): void {
  cursor.bytes.set(bytes, cursor.at);
  cursor.at += bytes.length;
}
