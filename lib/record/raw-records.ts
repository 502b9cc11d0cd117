// This file reads the records of an unpacked batch without making anything of them. Compaction decides by key, and copies
// the records that stay byte for byte: a header whose text is no UTF-8 must come out as it went in. batch.ts describes the
// bytes. Bytes that pass here can be decoded, and others throw the same CorruptBatchError.
import { type Cursor, MalformedBytesError, takeBytes } from '../bytes/cursor.ts';
import { readVarint, readVarlong } from '../bytes/varint.ts';
import { type BatchHeader, minRecordBytes } from './batch-header.ts';
import { CorruptBatchError } from './corrupt-batch-error.ts';

export type RawRecord = {
  readonly offset: number;
  /** The producer's time, also if the batch is LogAppendTime. */
  readonly createdMs: number;
  readonly key: Uint8Array | null;
  /** A record without a value is a tombstone. */
  readonly hasValue: boolean;
  /** From here on, the bytes of the record do not depend on the batch's base timestamp. */
  readonly from: number;
  readonly to: number;
};

type Body = Pick<BatchHeader, 'baseOffset' | 'baseTimestampMs' | 'lastOffsetDelta' | 'recordCount'>;

/** Positions are in `body`, the records of the batch after unpacking. */
export function* rawRecords(header: Body, body: Uint8Array): Generator<RawRecord, void, undefined> {
  const cursor: Cursor = { bytes: body, at: 0, end: body.length };
  let leastDelta = 0;
  for (let i = 0; i < header.recordCount; i++) {
    const record = readRecord(cursor, header, leastDelta);
    leastDelta = record.offset - header.baseOffset + 1;
    yield record;
  }
  if (cursor.at !== cursor.end) throw malformed(`${cursor.end - cursor.at} bytes after the last record`);
}

function readRecord(cursor: Cursor, header: Body, leastDelta: number): RawRecord {
  try {
    const length = readVarint(cursor);
    const to = cursor.at + length;
    if (length < minRecordBytes - 1 || to > cursor.end) throw malformed(`a record of ${length} bytes at ${cursor.at}`);
    return readFields({ bytes: cursor.bytes, at: cursor.at, end: to }, header, leastDelta, cursor);
  } catch (error) {
    if (error instanceof MalformedBytesError) throw malformed(error.message);
    throw error;
  }
}

/** Moves `outer` behind the record. */
function readFields(cursor: Cursor, header: Body, leastDelta: number, outer: Cursor): RawRecord {
  cursor.at++; // attributes: none are defined
  const createdMs = header.baseTimestampMs + readVarlong(cursor);
  if (!Number.isSafeInteger(createdMs)) throw new CorruptBatchError('timestamp', 'a timestamp is beyond 2^53 - 1');
  const from = cursor.at;
  const delta = readVarint(cursor);
  if (delta < leastDelta || delta > header.lastOffsetDelta) throw malformed(`offset delta ${delta}`);
  const key = readNullable(cursor);
  const hasValue = readNullable(cursor) !== null;
  passHeaders(cursor);
  if (cursor.at !== cursor.end) throw malformed(`a record ends at ${cursor.at}, its length says ${cursor.end}`);
  outer.at = cursor.end;
  return { offset: header.baseOffset + delta, createdMs, key, hasValue, from, to: cursor.end };
}

function readNullable(cursor: Cursor): Uint8Array | null {
  const length = readVarint(cursor);
  return length === -1 ? null : takeBytes(cursor, length);
}

function passHeaders(cursor: Cursor): void {
  const count = readVarint(cursor);
  if (count < 0 || count * 2 > cursor.end - cursor.at) throw malformed(`${count} headers at ${cursor.at}`);
  for (let i = 0; i < count; i++) {
    takeBytes(cursor, readVarint(cursor));
    readNullable(cursor);
  }
}

const malformed = (detail: string): CorruptBatchError => new CorruptBatchError('record', detail);
