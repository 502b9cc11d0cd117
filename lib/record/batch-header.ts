// This file reads the header of Kafka's RecordBatch v2 (magic 2). It also does what can be done to a batch without opening
// it: it checks, splits and stamps batches. The layout is big-endian (https://kafka.apache.org/documentation/#recordbatch):
//
//    0 int64 baseOffset             27 int64 baseTimestamp (the delete horizon, with attribute bit 6)
//    8 int32 length after this      35 int64 maxTimestamp
//   12 int32 partitionLeaderEpoch   43 int64 producerId (-1 none)
//   16 int8  magic                  51 int16 producerEpoch
//   17 uint32 crc                   53 int32 baseSequence
//   21 int16 attributes             57 int32 recordCount
//   23 int32 lastOffsetDelta        61 records, compressed as attribute bits 0-2 say
//
// The attribute bits are: 0-2 compression, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon. The other bits are
// ignored. The CRC-32C covers [21, end). So the offset and the leader epoch can be stamped without a new CRC, and nothing
// else can.

import { limits } from '../api/limits.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { readInt64, writeInt64 } from '../bytes/int64.ts';
import { type Compression, compressions } from './compression.ts';
import { CorruptBatchError } from './corrupt-batch-error.ts';

export const recordBatchOverheadBytes = 61;
export const recordBatchMagic = 2;

/** The position of each field in the header, in bytes. */
export const field = {
  baseOffset: 0,
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

export const attribute = {
  compression: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const;

/** The field `length` does not count itself or the bytes before it. */
export const lengthOverheadBytes = 12;

/** An empty record has six fields of one byte after one byte of length. */
export const minRecordBytes = 7;

type TimestampType = 'CreateTime' | 'LogAppendTime';

export type BatchHeader = {
  readonly baseOffset: number;
  /** This is the size of the whole batch, header included. */
  readonly sizeBytes: number;
  readonly partitionLeaderEpoch: number;
  readonly crc: number;
  readonly attributes: number;
  readonly compression: Compression;
  readonly timestampType: TimestampType;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** If true, `baseTimestampMs` is the time at which compaction may drop the batch's tombstones (KIP-534). */
  readonly hasDeleteHorizon: boolean;
  readonly lastOffsetDelta: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  /** -1 means that there is no producer. The number is below 2^53, because the reader refuses larger ones. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
};

/** Bytes [from, to) are one whole batch. */
export type BatchSlice = { readonly header: BatchHeader; readonly from: number; readonly to: number };

const maxSequence = 2 ** 31 - 1;

/** Sequences run from 0 to 2^31-1 and begin again at 0. A sequence of -1 (none) stays -1. */
export function advanceSequence(sequence: number, by: number): number {
  if (sequence < 0) return sequence;
  return sequence + by > maxSequence ? sequence + by - maxSequence - 1 : sequence + by;
}

/**
 * Reads the header at `at`. It does not check the CRC or the records. It throws CorruptBatchError unless the whole batch
 * is there.
 */
export function readBatchHeader(bytes: Uint8Array, at = 0): BatchHeader {
  const view = viewOf(bytes);
  const sizeBytes = readSize(view, at);
  const attributes = view.getInt16(at + field.attributes);
  return {
    baseOffset: safeInt64(view, at, 'baseOffset'),
    sizeBytes,
    partitionLeaderEpoch: view.getInt32(at + field.partitionLeaderEpoch),
    crc: view.getUint32(at + field.crc),
    attributes,
    compression: compressionOf(attributes),
    timestampType: attributes & attribute.logAppendTime ? 'LogAppendTime' : 'CreateTime',
    isTransactional: (attributes & attribute.transactional) !== 0,
    isControl: (attributes & attribute.control) !== 0,
    hasDeleteHorizon: (attributes & attribute.deleteHorizon) !== 0,
    lastOffsetDelta: view.getInt32(at + field.lastOffsetDelta),
    baseTimestampMs: safeInt64(view, at, 'baseTimestamp', 'timestamp'),
    maxTimestampMs: safeInt64(view, at, 'maxTimestamp', 'timestamp'),
    producerId: safeInt64(view, at, 'producerId'),
    producerEpoch: view.getInt16(at + field.producerEpoch),
    baseSequence: view.getInt32(at + field.baseSequence),
    recordCount: view.getInt32(at + field.recordCount),
  };
}

/**
 * Reads the header and checks the batch as far as that is possible without opening it. It checks magic, length, CRC-32C,
 * compression type, timestamps, producer fields, and that recordCount = lastOffsetDelta + 1. `allowGaps` is for reading a
 * log, because compaction leaves batches with fewer records than offsets, or with none.
 */
export function checkBatch(bytes: Uint8Array, at = 0, options: { readonly allowGaps?: boolean } = {}): BatchHeader {
  const header = readBatchHeader(bytes, at);
  checkCrc(bytes, at, header);
  checkCount(header, options.allowGaps ?? false);
  checkTimestamps(header);
  checkProducer(header);
  return header;
}

/**
 * Splits a run of batches that has no bytes before, between or after them. It reads only the headers, as
 * `readBatchHeader` does.
 */
export function splitBatches(bytes: Uint8Array): BatchSlice[] {
  const slices: BatchSlice[] = [];
  for (let from = 0; from < bytes.length; ) {
    const header = readBatchHeader(bytes, from);
    const to = from + header.sizeBytes;
    slices.push({ header, from, to });
    from = to;
  }
  return slices;
}

/**
 * Gives the batch at `at` its place in the log. It changes the bytes in place. Both fields lie before the bytes that the
 * CRC covers.
 */
export function stampBaseOffset(bytes: Uint8Array, at: number, baseOffset: number, leaderEpoch: number): void {
  const view = viewOf(bytes);
  writeInt64(view, at + field.baseOffset, baseOffset);
  view.setInt32(at + field.partitionLeaderEpoch, leaderEpoch);
}

/**
 * Makes `appendTimeMs` the time of all records of the batch at `at` (LogAppendTime). It changes the bytes in place and
 * writes a new CRC.
 */
export function stampAppendTime(bytes: Uint8Array, at: number, appendTimeMs: number): void {
  const view = viewOf(bytes);
  view.setInt16(at + field.attributes, view.getInt16(at + field.attributes) | attribute.logAppendTime);
  writeInt64(view, at + field.maxTimestamp, appendTimeMs);
  view.setUint32(at + field.crc, crc32c(bytes, at + field.attributes, at + readSize(view, at)));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readSize(view: DataView, at: number): number {
  const available = view.byteLength - at;
  if (available < recordBatchOverheadBytes) {
    throw new CorruptBatchError(
      'length',
      `a batch header takes ${recordBatchOverheadBytes} bytes, there are ${available}`,
    );
  }
  const magic = view.getInt8(at + field.magic);
  if (magic !== recordBatchMagic)
    throw new CorruptBatchError('magic', `magic is ${magic}, it must be ${recordBatchMagic}`);
  const sizeBytes = view.getInt32(at + field.length) + lengthOverheadBytes;
  if (sizeBytes < recordBatchOverheadBytes || sizeBytes > available) {
    throw new CorruptBatchError(
      'length',
      `the batch says it has ${sizeBytes} bytes: at least ${recordBatchOverheadBytes} and at most the ${available} that are there`,
    );
  }
  return sizeBytes;
}

function safeInt64(
  view: DataView,
  at: number,
  name: 'baseOffset' | 'baseTimestamp' | 'maxTimestamp' | 'producerId',
  reason: 'attributes' | 'timestamp' = 'attributes',
): number {
  const value = readInt64(view, at + field[name]);
  if (Number.isSafeInteger(value)) return value;
  throw new CorruptBatchError(reason, `${name} is ${view.getBigInt64(at + field[name])}, beyond +-(2^53 - 1)`);
}

function compressionOf(attributes: number): Compression {
  const code = attributes & attribute.compression;
  const compression = compressions[code];
  if (compression === undefined) {
    throw new CorruptBatchError('codec', `compression type is ${code}, it must be 0 to ${compressions.length - 1}`);
  }
  return compression;
}

function checkCrc(bytes: Uint8Array, at: number, header: BatchHeader): void {
  const actual = crc32c(bytes, at + field.attributes, at + header.sizeBytes);
  if (actual !== header.crc) throw new CorruptBatchError('crc', `CRC-32C is ${actual}, the batch says ${header.crc}`);
}

function checkCount({ recordCount, lastOffsetDelta, ...header }: BatchHeader, allowGaps: boolean): void {
  const offsets = lastOffsetDelta + 1;
  const least = allowGaps ? 0 : Math.max(1, offsets);
  if (lastOffsetDelta < 0 || recordCount < least || recordCount > offsets) {
    throw new CorruptBatchError('count', `recordCount is ${recordCount} for ${offsets} offsets (lastOffsetDelta + 1)`);
  }
  // A compressed batch may not claim more records than a reader would unpack, because the count decides how many offsets it
  // gets.
  const packed = header.compression !== 'none';
  const room = packed ? limits.uncompressedBatchBytes : header.sizeBytes - recordBatchOverheadBytes;
  if (recordCount * minRecordBytes > room) {
    throw new CorruptBatchError('count', `recordCount is ${recordCount}, in ${packed ? 'at most ' : ''}${room} bytes`);
  }
  if (!Number.isSafeInteger(header.baseOffset + lastOffsetDelta)) {
    throw new CorruptBatchError(
      'count',
      `the last offset is beyond 2^53 - 1: ${header.baseOffset} + ${lastOffsetDelta}`,
    );
  }
}

function checkTimestamps(header: BatchHeader): void {
  const { baseTimestampMs, maxTimestampMs } = header;
  // The two are not comparable after LogAppendTime was stamped, or after compaction has put the horizon there.
  const ordered =
    header.timestampType === 'LogAppendTime' || header.hasDeleteHorizon || maxTimestampMs >= baseTimestampMs;
  if (baseTimestampMs < -1 || maxTimestampMs < -1 || !ordered) {
    throw new CorruptBatchError('timestamp', `baseTimestamp is ${baseTimestampMs} and maxTimestamp ${maxTimestampMs}`);
  }
}

function checkProducer({ producerId, producerEpoch, baseSequence, ...header }: BatchHeader): void {
  const anonymous = producerId === -1 && producerEpoch === -1 && baseSequence === -1 && !header.isTransactional;
  // A transaction marker has a producer but no sequence.
  const named = producerId >= 0 && producerEpoch >= 0 && (header.isControl ? baseSequence === -1 : baseSequence >= 0);
  if (anonymous || named) return;
  throw new CorruptBatchError(
    'attributes',
    `producerId ${producerId}, producerEpoch ${producerEpoch} and baseSequence ${baseSequence} do not go together` +
      (header.isTransactional ? ' (transactional)' : ''),
  );
}
