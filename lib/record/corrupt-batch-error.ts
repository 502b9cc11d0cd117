// This is the one error of everything that reads a record batch. A reader returns or throws this, whatever the bytes are.

export type CorruptBatchReason =
  /** The batch is not RecordBatch v2. */
  | 'magic'
  /** There are fewer bytes than the batch, or its header, says it has. */
  | 'length'
  | 'crc'
  /** The number of records does not fit the offsets or the bytes. */
  | 'count'
  /** Header fields contradict each other or are out of range. */
  | 'attributes'
  /** The compression type is unknown, or a compressed part does not decompress. */
  | 'codec'
  | 'timestamp'
  /** A record inside is malformed. */
  | 'record'
  /** The batch has more bytes when decompressed than the reader allows. */
  | 'too-large';

export class CorruptBatchError extends Error {
  readonly reason: CorruptBatchReason;

  constructor(reason: CorruptBatchReason, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'CorruptBatchError';
    this.reason = reason;
  }
}
