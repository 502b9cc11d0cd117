// The one error of everything that reads a record batch: whatever the bytes, a reader returns or throws this.

export type CorruptBatchReason =
  /** Not RecordBatch v2. */
  | 'magic'
  /** Fewer bytes than the batch, or its header, says it has. */
  | 'length'
  | 'crc'
  /** The number of records does not fit the offsets or the bytes. */
  | 'count'
  /** Header fields that contradict each other or are out of range. */
  | 'attributes'
  /** An unknown compression type, or a compressed part that does not decompress. */
  | 'codec'
  | 'timestamp'
  /** A record inside is malformed. */
  | 'record'
  /** More bytes when decompressed than the reader allows. */
  | 'too-large';

export class CorruptBatchError extends Error {
  readonly reason: CorruptBatchReason;

  constructor(reason: CorruptBatchReason, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'CorruptBatchError';
    this.reason = reason;
  }
}
