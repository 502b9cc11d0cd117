// A place in some bytes. Readers and writers of varints and slices move `at` and never pass `end`.

export type Cursor = { readonly bytes: Uint8Array; at: number; readonly end: number };

/** The bytes do not say what they should: too few of them, or a value that is out of range. */
export class MalformedBytesError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedBytesError';
  }
}

/** The next `length` bytes: a view, not a copy. */
export function takeBytes(cursor: Cursor, length: number): Uint8Array {
  const from = cursor.at;
  if (length < 0 || length > cursor.end - from) {
    throw new MalformedBytesError(`${length} bytes wanted at ${from}, ${cursor.end - from} are there`);
  }
  cursor.at = from + length;
  return cursor.bytes.subarray(from, cursor.at);
}

export function putBytes(cursor: Cursor, bytes: Uint8Array): void {
  cursor.bytes.set(bytes, cursor.at);
  cursor.at += bytes.length;
}
