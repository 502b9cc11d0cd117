// This file renders the batches of one partition as JSON records. A value that is JSON already is spliced in as text, so
// nothing is parsed and written twice and no number changes.
//
// Invariant: the rendered text never takes more bytes than its room, and `nextOffset` is the first offset that the reader
// has not seen. The next fetch continues there, even inside a batch.

import { RivuletError } from '../lib/api/errors.ts';
import type { PartitionRecords } from '../lib/api/records.ts';
import { jsonOfBytes } from '../lib/json/values.ts';
import type { DecodedRecord, OpenBatch } from '../lib/record/batch.ts';
import { type BatchHeader, splitBatches } from '../lib/record/batch-header.ts';
import { CorruptBatchError } from '../lib/record/corrupt-batch-error.ts';
import { BATCHES_MEDIA_TYPE } from '../lib/record/frames.ts';
import type { Pace } from '../lib/record/steps.ts';
import { newUnpackBudget, type UnpackBudget, withOpenBatch } from '../lib/record/unpack.ts';

/**
 * The limit for all records of a reply together. A Lambda reply has 6 MB, which hold 4 MiB of any bytes: as base64 they are
 * 5.6 MB (see functions/gateway.ts). The rest is for the JSON around the records.
 */
export const REPLY_BYTES = 4 * 1024 * 1024;

/** The room that is left in a reply, for all its partitions together. */
export type ReplyRoom = { bytes: number; readonly unpack: UnpackBudget };

export const newReplyRoom = (signal: AbortSignal | undefined): ReplyRoom => ({
  bytes: REPLY_BYTES,
  unpack: newUnpackBudget(signal),
});

/**
 * The members of the partition's JSON object, without the braces. It holds as many records from `offset` on as there is
 * room for. The result is an error if the next record can never be rendered as JSON.
 */
export async function jsonRecords(
  { partition, highWatermark, logStartOffset, batches }: PartitionRecords,
  offset: number,
  room: ReplyRoom,
): Promise<string | RivuletError> {
  const page: Page = { texts: [], nextOffset: offset, room, pace: room.unpack.pace };
  for (const bytes of batches) {
    for (const { header, from, to } of splitBatches(bytes)) {
      const stop = await addBatch(page, header, bytes.subarray(from, to));
      if (stop instanceof RivuletError && page.texts.length === 0) return stop;
      if (stop) return rendered();
    }
  }
  return rendered();

  function rendered(): string {
    const fields = JSON.stringify({ partition, highWatermark, logStartOffset, nextOffset: page.nextOffset });
    return `${fields.slice(1, -1)},"records":[${page.texts.join(',')}]`;
  }
}

type Page = {
  readonly texts: string[];
  nextOffset: number;
  readonly room: ReplyRoom;
  readonly pace: Pace;
};
type Stop = 'full' | RivuletError | undefined;

async function addBatch(page: Page, header: BatchHeader, bytes: Uint8Array): Promise<Stop> {
  const endOffset = header.baseOffset + header.lastOffsetDelta + 1;
  if (endOffset <= page.nextOffset) return undefined;
  // Unpacking a batch costs the same whether all of it can be shown or nothing: with no room left, do not unpack.
  if (page.room.bytes <= 0) return 'full';
  const stop = header.isControl ? undefined : await addRecords(page, header, bytes);
  // The batch's end counts, not its last record: compaction may have removed that one, and a control batch shows none.
  if (stop === undefined) page.nextOffset = endOffset;
  return stop;
}

/** The server rarely opens a batch when it stores it, so an unreadable batch may be noticed only here. */
async function addRecords(page: Page, header: BatchHeader, bytes: Uint8Array): Promise<Stop> {
  try {
    const stop = await withOpenBatch(bytes, page.room.unpack, (batch) => addRecordsOf(page, batch));
    return stop === 'spent' ? 'full' : stop;
  } catch (error) {
    if (error instanceof CorruptBatchError) return unreadable(header, error);
    throw error;
  }
}

/** A rendered record costs these units beside its bytes. One unit is the cost of skipping a record: see `createPace`. */
const unitsPerRecord = 10;
const bytesPerUnit = 10;

async function addRecordsOf(page: Page, batch: OpenBatch): Promise<Stop> {
  for (const record of batch.scan((offset) => offset >= page.nextOffset)) {
    const before = page.room.bytes;
    const stop = record && addRecord(page, record);
    if (stop) return stop;
    if (page.pace.isDue(record ? unitsPerRecord + (before - page.room.bytes) / bytesPerUnit : 1))
      await page.pace.rest();
    if (page.room.unpack.signal?.aborted) return 'full';
  }
  return undefined;
}

function addRecord(page: Page, record: DecodedRecord): Stop {
  // The JSON text is never shorter than the bytes. So a record that cannot fit is recognised before it is rendered.
  const least = leastBytes(record);
  if (least > REPLY_BYTES) return tooLarge(record.offset, least);
  if (least > page.room.bytes) return 'full';
  const text = recordJson(record);
  const bytes = Buffer.byteLength(text) + 1;
  if (bytes > REPLY_BYTES) return tooLarge(record.offset, bytes);
  if (bytes > page.room.bytes) return 'full';
  page.texts.push(text);
  page.room.bytes -= bytes;
  page.nextOffset = record.offset + 1;
  return undefined;
}

const leastBytes = ({ key, value, headers }: DecodedRecord): number =>
  headers.reduce((sum, one) => sum + (one.value?.length ?? 0), (key?.length ?? 0) + (value?.length ?? 0));

/** If the CRC is wrong, the bytes changed after they were admitted. Otherwise the producer wrote the batch this way. */
function unreadable({ baseOffset, lastOffsetDelta }: BatchHeader, error: CorruptBatchError): RivuletError {
  const nextOffset = baseOffset + lastOffsetDelta + 1;
  const options = { extra: { offset: baseOffset, nextOffset }, cause: error };
  if (error.reason === 'crc')
    return new RivuletError('CORRUPT_LOG', `The batch at offset ${baseOffset} is damaged: ${error.message}.`, options);
  return new RivuletError(
    'CORRUPT_MESSAGE',
    `The batch at offset ${baseOffset} cannot be unpacked, because its producer wrote it so (${error.reason}: ${error.message}): fetch it as ${BATCHES_MEDIA_TYPE}, or continue from offset ${nextOffset}.`,
    options,
  );
}

function recordJson({ offset, timestampMs, key, value, headers }: DecodedRecord): string {
  const plain = `"offset":${offset},"timestamp":${timestampMs}`;
  const pair = `"key":${jsonOfBytes(key)},"value":${jsonOfBytes(value)}`;
  if (headers.length === 0) return `{${plain},${pair}}`;
  const list = headers.map((one) => `{"name":${JSON.stringify(one.key)},"value":${jsonOfBytes(one.value)}}`);
  return `{${plain},${pair},"headers":[${list.join(',')}]}`;
}

function tooLarge(offset: number, bytes: number): RivuletError {
  return new RivuletError(
    'MESSAGE_TOO_LARGE',
    `The record at offset ${offset} takes at least ${bytes} bytes as JSON, and a reply holds at most ${REPLY_BYTES}: fetch it as ${BATCHES_MEDIA_TYPE}.`,
    { extra: { offset, bytes, limit: REPLY_BYTES } },
  );
}
