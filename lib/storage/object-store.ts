// The port to the store of immutable objects: S3, a folder of files, or memory.
// Objects are written once, under names that were never used before, and never changed. So a read returns the right bytes
// or nothing.

/** A half-open range of bytes, 0 <= from < to. */
export type ByteRange = { readonly from: number; readonly to: number };

export type ObjectInfo = { readonly key: string; readonly bytes: number; readonly modifiedMs: number };

export type ObjectPage = {
  readonly objects: readonly ObjectInfo[];
  /** True if more may follow: list again with `after` = the last key. Even a short or an empty page may have more. */
  readonly more: boolean;
};

export type ListRequest = {
  readonly prefix?: string;
  /** The page has only keys greater than this one (in UTF-8 byte order, as in S3). */
  readonly after?: string;
  /** The page has at most this many keys: 1..1000, default 1000. */
  readonly limit?: number;
};

/**
 * Once `signal` is aborted, the caller no longer wants the answer. An adapter may end the call, with reason `no-answer`, or
 * let it go on. A put may land in either case.
 */
export type CallOptions = { readonly signal?: AbortSignal | undefined };

/** Every method throws StorageError and nothing else. Keys: 1..1024 bytes of UTF-8, any characters. */
export type ObjectStore = {
  /**
   * Writes a new object, which is durable when the promise resolves. If the key already holds exactly these bytes, it
   * succeeds, because an earlier try of ours landed. If the key holds other bytes, it throws reason `exists` and changes
   * nothing. If this process may not read the stored bytes, it throws `exists` too, with `mayHaveActed`.
   */
  putOnce(key: string, chunks: readonly Uint8Array[], options?: CallOptions): Promise<void>;
  /**
   * Returns the object's bytes, or those of a range, or undefined if there is no such object (in S3 also if this process may
   * not read it). A range that reaches past the end returns the bytes up to the end. A range that starts at or past the end
   * returns zero bytes.
   */
  get(key: string, range?: ByteRange, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** Returns keys in UTF-8 byte order. */
  list(request: ListRequest): Promise<ObjectPage>;
  /** Deletes 0..1000 objects. A missing object is no error. */
  delete(keys: readonly string[]): Promise<void>;
};
