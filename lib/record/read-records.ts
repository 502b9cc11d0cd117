// This file reads the records of an unpacked batch. batch.ts describes their bytes. Keys, values and the values of headers are
// views of the unpacked bytes, not copies. They are Buffers wherever the bytes came from, because a client hands them to
// applications, and toString() of a plain Uint8Array is a list of numbers.
//
// Invariant: whatever the bytes are, reading returns records or throws CorruptBatchError.
import { type Cursor, MalformedBytesError, takeBytes } from '../bytes/cursor.ts';
import { readVarint, readVarlong } from '../bytes/varint.ts';
import { type BatchHeader, minRecordBytes } from './batch-header.ts';
import { CorruptBatchError } from './corrupt-batch-error.ts';

/** Keys may repeat. Their order is kept. */
export type ReadHeader = { readonly key: string; readonly value: Buffer | null };

/** Makes what the caller keeps of a record, so that a batch of small records needs one object for each and no more. */
export type RecordMaker<T> = (
  offset: number,
  /** This is the batch's append time if the batch is LogAppendTime, else the producer's time. */
  timestampMs: number,
  key: Buffer | null,
  value: Buffer | null,
  headers: readonly ReadHeader[],
) => T;

/** Says whether the caller wants a record, which takes the bytes [from, to) of the unpacked batch. A reader may skip the others. */
export type Wanted = (offset: number, timestampMs: number, from: number, to: number) => boolean;

/** `nextOffset` is the smallest offset that the next record may have. */
type Reader = Cursor<Buffer> & { nextOffset: number };

const noHeaders: readonly ReadHeader[] = Object.freeze([]);

/** Reads all records in one go, and makes those that are wanted. */
export function readRecords<T>(header: BatchHeader, body: Uint8Array, wanted: Wanted, make: RecordMaker<T>): T[] {
  const reader = readerOf(header, body);
  const records: T[] = [];
  for (let i = 0; i < header.recordCount; i++) {
    const record = readRecord(reader, header, wanted, make);
    if (record !== undefined) records.push(record);
  }
  checkEnd(reader);
  return records;
}

/** Reads one record at a time, as the caller asks for them. Undefined stands for a record that is not wanted. */
export function* scanRecords<T>(
  header: BatchHeader,
  body: Uint8Array,
  wanted: Wanted,
  make: RecordMaker<T>,
): Generator<T | undefined, void, undefined> {
  const reader = readerOf(header, body);
  for (let i = 0; i < header.recordCount; i++) yield readRecord(reader, header, wanted, make);
  checkEnd(reader);
}

function readerOf({ baseOffset }: BatchHeader, { buffer, byteOffset, length }: Uint8Array): Reader {
  return { bytes: Buffer.from(buffer, byteOffset, length), at: 0, end: length, nextOffset: baseOffset };
}

function checkEnd({ at, end }: Reader): void {
  if (at !== end) throw malformed(`${end - at} bytes after the last record`);
}

function readRecord<T>(reader: Reader, header: BatchHeader, wanted: Wanted, make: RecordMaker<T>): T | undefined {
  try {
    const length = readVarint(reader);
    const end = reader.at + length;
    if (length < minRecordBytes - 1 || end > reader.end) throw malformed(`a record of ${length} bytes at ${reader.at}`);
    const record = readFields(reader, header, end, wanted, make);
    if (record === undefined) reader.at = end;
    if (reader.at !== end) throw malformed(`a record ends at ${reader.at}, its length says ${end}`);
    return record;
  } catch (error) {
    if (error instanceof MalformedBytesError) throw malformed(error.message);
    throw error;
  }
}

function readFields<T>(
  reader: Reader,
  header: BatchHeader,
  end: number,
  wanted: Wanted,
  make: RecordMaker<T>,
): T | undefined {
  const from = reader.at;
  reader.at++; // attributes: none are defined
  const createdMs = header.baseTimestampMs + readVarlong(reader);
  const offsetDelta = readVarint(reader);
  if (offsetDelta < 0 || offsetDelta > header.lastOffsetDelta) throw malformed(`offset delta ${offsetDelta}`);
  if (!Number.isSafeInteger(createdMs)) throw new CorruptBatchError('timestamp', 'a timestamp is beyond 2^53 - 1');
  const offset = header.baseOffset + offsetDelta;
  if (offset < reader.nextOffset) throw malformed(`offset ${offset} after ${reader.nextOffset - 1}`);
  reader.nextOffset = offset + 1;
  const timestampMs = header.timestampType === 'LogAppendTime' ? header.maxTimestampMs : createdMs;
  if (!wanted(offset, timestampMs, from, end)) return undefined;
  const key = readNullable(reader);
  const value = readNullable(reader);
  return make(offset, timestampMs, key, value, readHeaders(reader));
}

function readNullable(reader: Reader): Buffer | null {
  const length = readVarint(reader);
  return length === -1 ? null : takeBytes(reader, length);
}

function readHeaders(reader: Reader): readonly ReadHeader[] {
  const count = readVarint(reader);
  if (count === 0) return noHeaders;
  // Each header takes at least two bytes. So an impossible count is refused before the loop begins.
  if (count < 0 || count * 2 > reader.end - reader.at) throw malformed(`${count} headers at ${reader.at}`);
  const headers: ReadHeader[] = [];
  for (let i = 0; i < count; i++) headers.push({ key: readText(reader), value: readNullable(reader) });
  return headers;
}

function readText(reader: Reader): string {
  const length = readVarint(reader);
  if (length < 0 || length > reader.end - reader.at) throw malformed(`a header key of ${length} bytes at ${reader.at}`);
  const from = reader.at;
  reader.at += length;
  return reader.bytes.toString('utf8', from, reader.at);
}

function malformed(detail: string): CorruptBatchError {
  return new CorruptBatchError('record', detail);
}
