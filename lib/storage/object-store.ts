// The port to the store of immutable objects: S3, a folder of files, or memory.
// Objects are written once under names never used before and never changed, so a read gives the right bytes or nothing.

/** Half-open range of bytes, 0 <= from < to. */
export type ByteRange = { readonly from: number; readonly to: number };

export type ObjectInfo = { readonly key: string; readonly bytes: number; readonly modifiedMs: number };

export type ObjectPage = {
  readonly objects: readonly ObjectInfo[];
  /** True when more may follow: list again with `after` = the last key. A page may be short, even empty, and have more. */
  readonly more: boolean;
};

export type ListRequest = {
  readonly prefix?: string;
  /** Only keys greater than this one (UTF-8 byte order, as S3). */
  readonly after?: string;
  /** At most this many; 1..1000. Default 1000. */
  readonly limit?: number;
};

/** Every method throws StorageError and nothing else. Keys: 1..1024 bytes of UTF-8, any characters. */
export type ObjectStore = {
  /**
   * Writes a new object, durable when the promise resolves. If the key already holds exactly these bytes it succeeds
   * (an earlier try of ours landed); if it holds others it throws reason `exists` and changes nothing. Where it may not
   * read what is there, it throws that too, with `mayHaveActed`.
   */
  putOnce(key: string, chunks: readonly Uint8Array[]): Promise<void>;
  /**
   * The object's bytes, or those of a range; undefined if there is no such object (S3: or none that may be read). A range that reaches past the end
   * gives what there is; one that starts at or past the end gives zero bytes.
   */
  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined>;
  /** Keys in UTF-8 byte order. */
  list(request: ListRequest): Promise<ObjectPage>;
  /** Deletes 0..1000 objects; a missing one is no error. */
  delete(keys: readonly string[]): Promise<void>;
};
