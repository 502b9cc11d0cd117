// This file encodes records as Kafka's RecordBatch v2 (magic 2) and decodes them. batch-header.ts describes the header. The
// records follow it as one run of bytes, which may be compressed. Each record is:
//
//   varint  length of what follows      varint  key length, -1 for null; key
//   int8    attributes, 0               varint  value length, -1 for null; value
//   varlong timestamp - baseTimestamp   varint  number of headers, each:
//   varint  offset - baseOffset           varint key length; key in UTF-8; varint value length, -1 for null; value
//
// Decoding returns records or throws CorruptBatchError, whatever the bytes are. Keys and values are views of the decoded
// bytes, not copies. The uncompressed bytes are exactly those that Kafka's own clients write.

import { limits } from '../api/limits.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { type Cursor, putBytes } from '../bytes/cursor.ts';
import { writeInt64 } from '../bytes/int64.ts';
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../bytes/varint.ts';
import {
  advanceSequence,
  attribute,
  type BatchHeader,
  checkBatch,
  field,
  lengthOverheadBytes,
  minRecordBytes,
  readBatchHeader,
  recordBatchMagic,
  recordBatchOverheadBytes,
} from './batch-header.ts';
import { type Compression, compress, compressAside, compressions, decompress, decompressAside } from './compression.ts';
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { type ReadHeader, type RecordMaker, readRecords, scanRecords, type Wanted } from './read-records.ts';

/** Keys may repeat. Their order is kept. */
export type RecordHeader = { readonly key: string; readonly value: Uint8Array | null };

export type RecordInput = {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** -1 means that there is no timestamp. */
  readonly timestampMs: number;
  /**
   * This is offset - baseOffset. It grows from record to record. The default is one more than that of the record before.
   */
  readonly offsetDelta?: number;
};

export type DecodedRecord = {
  readonly offset: number;
  /** This is the batch's append time if the batch is LogAppendTime, else the producer's time. */
  readonly timestampMs: number;
  /** The sequence is -1 without an idempotent producer. */
  readonly sequence: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly ReadHeader[];
};

export type DecodedBatch = { readonly header: BatchHeader; readonly records: DecodedRecord[] };

/** This is a batch whose records are made one at a time, as the caller asks for them. */
export type OpenBatch = {
  readonly header: BatchHeader;
  readonly unpackedBytes: number;
  /** The unpacked records, as raw-records.ts reads them. */
  readonly body: Uint8Array;
  records(): Generator<DecodedRecord, void, undefined>;
  /**
   * Undefined stands for a record that is not wanted. Nothing is made of such a record, and only its length, time and
   * offset are checked.
   */
  scan(wanted: Wanted): Generator<DecodedRecord | undefined, void, undefined>;
};

export type EncodeOptions = {
  /** The default is 'none'. */
  readonly compression?: Compression;
  /** The default is 0. */
  readonly baseOffset?: number;
  /** The default is -1. */
  readonly partitionLeaderEpoch?: number;
  /** The caller gives these three together, or none of them (-1). */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** If this is given, the batch is LogAppendTime, and this is its time. */
  readonly appendTimeMs?: number;
  /** If this is given, compaction may drop the batch's tombstones from that time on (KIP-534). */
  readonly deleteHorizonMs?: number;
  /** The default is the last record's delta. Compaction keeps the batch's own when it removes the last record. */
  readonly lastOffsetDelta?: number;
};

/** `maxUncompressedBytes` defaults to limits.uncompressedBatchBytes. */
export type DecodeOptions = { readonly maxUncompressedBytes?: number };

type AsideOptions = DecodeOptions & { readonly signal?: AbortSignal | undefined };

// --- encode

/**
 * This is what the encoder knows of a batch before it writes the first byte. `recordBytes[i]` does not count the varint
 * of its own length.
 */
type Layout = {
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly lastOffsetDelta: number;
  readonly offsetDeltas: readonly number[];
  readonly recordBytes: readonly number[];
  readonly bodyBytes: number;
};

/** A cursor that can write text. */
type Writer = Cursor<Buffer>;

const maxInt16 = 2 ** 15 - 1;
const maxInt32 = 2 ** 31 - 1;

/**
 * Returns one whole batch, with its CRC. It throws RangeError if there are no records, or if a number does not fit its
 * field.
 */
export function encodeBatch(records: readonly RecordInput[], options: EncodeOptions = {}): Uint8Array {
  const layout = layOut(records, options);
  const compression = options.compression ?? 'none';
  const headroom = compression === 'none' ? recordBatchOverheadBytes : 0;
  const body = new Uint8Array(headroom + layout.bodyBytes);
  writeRecords(body, headroom, records, layout);
  if (compression === 'none') return finish(body, records.length, layout, options);
  const compressed = compress(compression, body);
  const batch = new Uint8Array(recordBatchOverheadBytes + compressed.length);
  batch.set(compressed, recordBatchOverheadBytes);
  return finish(batch, records.length, layout, options);
}

function layOut(records: readonly RecordInput[], options: EncodeOptions): Layout {
  if (records.length === 0) throw new RangeError('a batch has at least one record, there are 0');
  const baseTimestampMs = options.deleteHorizonMs ?? records[0]!.timestampMs;
  const offsetDeltas: number[] = [];
  const recordBytes: number[] = [];
  let bodyBytes = 0;
  let maxTimestampMs = -1;
  let delta = -1;
  for (const record of records) {
    requireInteger('timestampMs', record.timestampMs, -1, Number.MAX_SAFE_INTEGER);
    delta = requireInteger('offsetDelta', record.offsetDelta ?? delta + 1, delta + 1, maxInt32);
    const size = sizeOf(record, record.timestampMs - baseTimestampMs, delta);
    offsetDeltas.push(delta);
    recordBytes.push(size);
    bodyBytes += varintBytes(size) + size;
    maxTimestampMs = Math.max(maxTimestampMs, record.timestampMs);
  }
  requireInteger('the size of the records', bodyBytes, 0, limits.uncompressedBatchBytes);
  const lastOffsetDelta = requireInteger('lastOffsetDelta', options.lastOffsetDelta ?? delta, delta, maxInt32);
  maxTimestampMs = options.appendTimeMs ?? maxTimestampMs;
  return { baseTimestampMs, maxTimestampMs, lastOffsetDelta, offsetDeltas, recordBytes, bodyBytes };
}

function sizeOf(record: RecordInput, timestampDelta: number, offsetDelta: number): number {
  let size = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta) + nullableBytes(record.key);
  size += nullableBytes(record.value) + varintBytes(record.headers.length);
  for (const { key, value } of record.headers) {
    const keyBytes = Buffer.byteLength(key);
    size += varintBytes(keyBytes) + keyBytes + nullableBytes(value);
  }
  return size;
}

function nullableBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length;
}

function writeRecords(target: Uint8Array, at: number, records: readonly RecordInput[], layout: Layout): void {
  const writer: Writer = { bytes: Buffer.from(target.buffer), at, end: target.length };
  records.forEach((record, i) => {
    writeVarint(writer, layout.recordBytes[i]!);
    writer.bytes[writer.at++] = 0;
    writeVarlong(writer, record.timestampMs - layout.baseTimestampMs);
    writeVarint(writer, layout.offsetDeltas[i]!);
    writeNullable(writer, record.key);
    writeNullable(writer, record.value);
    writeVarint(writer, record.headers.length);
    for (const { key, value } of record.headers) {
      writeVarint(writer, Buffer.byteLength(key));
      writer.at += writer.bytes.write(key, writer.at);
      writeNullable(writer, value);
    }
  });
}

function writeNullable(writer: Writer, bytes: Uint8Array | null): void {
  writeVarint(writer, bytes === null ? -1 : bytes.length);
  if (bytes !== null) putBytes(writer, bytes);
}

/** Writes the header in front of the records. */
function finish(batch: Uint8Array, recordCount: number, layout: Layout, options: EncodeOptions): Uint8Array {
  const view = new DataView(batch.buffer);
  const { baseOffset = 0, partitionLeaderEpoch = -1, producerId = -1, producerEpoch = -1, baseSequence = -1 } = options;
  requireInteger('baseOffset', baseOffset, 0, Number.MAX_SAFE_INTEGER - layout.lastOffsetDelta);
  requireInteger('maxTimestamp', layout.maxTimestampMs, -1, Number.MAX_SAFE_INTEGER);
  writeInt64(view, field.baseOffset, baseOffset);
  view.setInt32(field.length, batch.length - lengthOverheadBytes);
  view.setInt32(field.partitionLeaderEpoch, requireInteger('partitionLeaderEpoch', partitionLeaderEpoch, -1, maxInt32));
  view.setInt8(field.magic, recordBatchMagic);
  view.setInt16(field.attributes, attributesOf(options));
  view.setInt32(field.lastOffsetDelta, layout.lastOffsetDelta);
  writeInt64(view, field.baseTimestamp, layout.baseTimestampMs);
  writeInt64(view, field.maxTimestamp, layout.maxTimestampMs);
  writeInt64(view, field.producerId, requireInteger('producerId', producerId, -1, Number.MAX_SAFE_INTEGER));
  view.setInt16(field.producerEpoch, requireInteger('producerEpoch', producerEpoch, -1, maxInt16));
  view.setInt32(field.baseSequence, requireInteger('baseSequence', baseSequence, -1, maxInt32));
  view.setInt32(field.recordCount, recordCount);
  view.setUint32(field.crc, crc32c(batch, field.attributes));
  return batch;
}

function attributesOf(options: EncodeOptions): number {
  let bits = compressions.indexOf(options.compression ?? 'none');
  if (options.appendTimeMs !== undefined) bits |= attribute.logAppendTime;
  if (options.isTransactional) bits |= attribute.transactional;
  if (options.isControl) bits |= attribute.control;
  if (options.deleteHorizonMs !== undefined) bits |= attribute.deleteHorizon;
  return bits;
}

function requireInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} is ${value}, it must be a whole number from ${least} to ${most}`);
}

// --- decode

/** Checks the batch at `at` as `checkBatch` does (gaps allowed) and decodes all its records in one go. */
export function decodeBatch(bytes: Uint8Array, at = 0, options: DecodeOptions = {}): DecodedBatch {
  const { header, body } = openBatch(bytes, at, options);
  return { header, records: readRecords(header, body, everyRecord, decodedFor(header)) };
}

/** Does the same, and makes only what the caller keeps of the records from an offset on. */
export function decodeRecords<T>(bytes: Uint8Array, at: number, fromOffset: number, make: RecordMaker<T>): T[] {
  const { header, body } = openBatch(bytes, at);
  return readRecords(header, body, (offset) => offset >= fromOffset, make);
}

const everyRecord: Wanted = () => true;

const decodedFor =
  ({ baseOffset, baseSequence }: BatchHeader): RecordMaker<DecodedRecord> =>
  (offset, timestampMs, key, value, headers) => {
    const sequence = advanceSequence(baseSequence, offset - baseOffset);
    return { offset, timestampMs, sequence, key, value, headers };
  };

/**
 * Checks and decompresses the batch at `at`, and reads the records when the caller iterates over them. A batch that is
 * small on the wire may hold millions of records. So a reader of untrusted batches calls this and stops when it has
 * enough.
 */
export function openBatch(bytes: Uint8Array, at = 0, options: DecodeOptions = {}): OpenBatch {
  const header = checkBatch(bytes, at, { allowGaps: true });
  const body = decompress(header.compression, payloadOf(bytes, at, header), mostBytes(options));
  return opened(header, body);
}

/**
 * Does the same as `openBatch`, but the event loop goes on meanwhile, and an aborted signal ends it between two steps.
 */
export async function openBatchAside(bytes: Uint8Array, at = 0, options: AsideOptions = {}): Promise<OpenBatch> {
  const header = checkBatch(bytes, at, { allowGaps: true });
  const payload = payloadOf(bytes, at, header);
  return opened(header, await decompressAside(header.compression, payload, mostBytes(options), options.signal));
}

const payloadOf = (bytes: Uint8Array, at: number, { sizeBytes }: BatchHeader): Uint8Array =>
  plainView(bytes, at + recordBatchOverheadBytes, at + sizeBytes);

const mostBytes = ({ maxUncompressedBytes }: DecodeOptions): number =>
  maxUncompressedBytes ?? limits.uncompressedBatchBytes;

function opened(header: BatchHeader, body: Uint8Array): OpenBatch {
  if (header.recordCount * minRecordBytes > body.length) {
    throw new CorruptBatchError('count', `recordCount is ${header.recordCount}, in ${body.length} bytes`);
  }
  const plain = plainView(body, 0, body.length);
  const scan = (wanted: Wanted) => scanRecords(header, plain, wanted, decodedFor(header));
  return {
    header,
    unpackedBytes: body.length,
    body: plain,
    records: () => scan(everyRecord) as Generator<DecodedRecord, void, undefined>,
    scan,
  };
}

/**
 * Returns the batch at `at` with its records compressed by another codec. The rest of its header stays as it was. The
 * records stay bytes, because a small batch may hold millions. It throws CorruptBatchError if the batch cannot be
 * unpacked, or unpacks into more than `maxBytes`.
 */
export async function recompressBatch(
  bytes: Uint8Array,
  at: number,
  codec: Compression,
  maxBytes: number,
): Promise<{ batch: Uint8Array; unpackedBytes: number }> {
  const header = readBatchHeader(bytes, at);
  const unpacked = await decompressAside(header.compression, payloadOf(bytes, at, header), maxBytes);
  const body = await compressAside(codec, unpacked);
  const batch = new Uint8Array(recordBatchOverheadBytes + body.length);
  batch.set(bytes.subarray(at, at + recordBatchOverheadBytes));
  batch.set(body, recordBatchOverheadBytes);
  const view = new DataView(batch.buffer);
  view.setInt32(field.length, batch.length - lengthOverheadBytes);
  view.setInt16(field.attributes, (header.attributes & ~attribute.compression) | compressions.indexOf(codec));
  view.setUint32(field.crc, crc32c(batch, field.attributes));
  return { batch, unpackedBytes: unpacked.length };
}

function plainView(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}
