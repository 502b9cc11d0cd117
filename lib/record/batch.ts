import type { BatchHeader } from './batch-header.ts';
import type { Compression } from './compression.ts';

export type RecordHeader = { readonly key: string; readonly value: Uint8Array | null };

export type RecordInput = {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly timestampMs: number;
  /** Default: the record's position in the batch. Must grow. */
  readonly offsetDelta?: number;
};

export type DecodedRecord = {
  readonly offset: number;
  readonly timestampMs: number;
  /** -1 without an idempotent producer. */
  readonly sequence: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
};

export type DecodedBatch = { readonly header: BatchHeader; readonly records: DecodedRecord[] };

export type EncodeOptions = {
  readonly compression?: Compression;
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Makes the batch LogAppendTime, with this time. */
  readonly appendTimeMs?: number;
  /** Compaction may drop the batch's tombstones from then on (KIP-534). */
  readonly deleteHorizonMs?: number;
  /** Default: the last record's. Compaction keeps the batch's own when it removes the last record. */
  readonly lastOffsetDelta?: number;
};

export type DecodeOptions = { readonly maxUncompressedBytes?: number };

export function encodeBatch(records: readonly RecordInput[], options: EncodeOptions = {}): Uint8Array {
  throw new Error(`not yet: ${records.length} ${options.compression}`);
}

/** Checks the batch (CRC too) and decodes its records. */
export function decodeBatch(bytes: Uint8Array, at = 0, options: DecodeOptions = {}): DecodedBatch {
  throw new Error(`not yet: ${bytes.length} ${at} ${options.maxUncompressedBytes}`);
}
