// Reads the records of the next delivery: from an offset up to a bound, as many as fit an event. Records that the filter leaves out
// are passed over, and count to the range all the same.
import type { RivuletError } from '../../api/errors.ts';
import { limits } from '../../api/limits.ts';
import type { PushInvocation, PushRecord } from '../../api/push.ts';
import type { PartitionError, PartitionRecords } from '../../api/records.ts';
import { fetch } from '../../log/fetch.ts';
import type { DecodedRecord, OpenBatch } from '../../record/batch.ts';
import { type BatchHeader, splitBatches } from '../../record/batch-header.ts';
import { CorruptBatchError } from '../../record/corrupt-batch-error.ts';
import { newUnpackBudget, type UnpackBudget, withOpenBatch } from '../../record/unpack.ts';
import type { PushContext } from '../context.ts';

export type Bounds = {
  /** The range ends at this offset at the latest. */
  readonly endOffset: number;
  /** It ends with the record batch that it begins in. */
  readonly isFirstBatchOnly: boolean;
  readonly records: number;
  readonly filter: (record: PushRecord) => boolean;
  /** Records before this time are too old to be delivered. */
  readonly youngFromMs: number;
};

export type Range = {
  /** The start of the log if that is above the offset that was asked for. */
  readonly from: number;
  readonly endOffset: number;
  /** The next offset to be written. */
  readonly highWatermark: number;
  readonly records: readonly PushRecord[];
  /** Why the range is to be given up: none of its records can be delivered, however often it is tried. */
  readonly hopeless?: { readonly error: string; readonly bytesOnly: boolean };
  /** Something is left behind the range that would have been in it if there were room. */
  readonly isFull: boolean;
};

/** Records that are left out are read too. So much is enough for one step. */
const scannedBytes = 16 * 1024 * 1024;

type Page = {
  readonly bounds: Bounds;
  readonly bytesOf: (record: PushRecord) => number;
  readonly budget: UnpackBudget;
  readonly records: PushRecord[];
  next: number;
  room: number;
  hopeless: Range['hopeless'];
  isAllOld: boolean;
};

/** An empty range (`endOffset` is `from`) means that there is nothing to read yet. */
export async function readRange(
  context: PushContext,
  invocation: PushInvocation,
  offset: number,
  bounds: Bounds,
): Promise<Range> {
  const found = await fetchFrom(context, invocation, offset);
  const from = Math.max(offset, found.logStartOffset);
  const page = pageOf(context, bounds, from);
  let scanned = 0;
  let reply = found;
  while (reply.batches.length > 0) {
    const stop = await addAll(page, reply.batches);
    scanned += reply.batches.reduce((sum, { length }) => sum + length, 0);
    if (stop || scanned >= scannedBytes || page.next >= reply.highWatermark) break;
    reply = await fetchFrom(context, invocation, page.next);
  }
  const { highWatermark } = reply;
  const { records, next: endOffset, hopeless } = page;
  const isFull = records.length >= bounds.records || (endOffset < highWatermark && endOffset > from);
  return { from, endOffset, highWatermark, records, isFull, ...(hopeless && { hopeless }) };
}

const pageOf = ({ targets }: PushContext, bounds: Bounds, from: number): Page => ({
  bounds,
  bytesOf: targets.bytesOf,
  budget: newUnpackBudget(),
  records: [],
  next: from,
  room: limits.pushEventBytes,
  hopeless: undefined,
  isAllOld: false,
});

/** Goes on at the start of the log if retention has passed the offset. */
async function fetchFrom(
  { log }: PushContext,
  { topic, topicId, partition }: Pick<PushInvocation, 'topic' | 'topicId' | 'partition'>,
  offset: number,
): Promise<PartitionRecords> {
  const ask = async (from: number) => {
    const partitions = [{ partition, offset: from }];
    const reply = await fetch(log, { topic, topicId, partitions, maxBytes: limits.fetchBytes });
    return reply.partitions[0]!;
  };
  const first = await ask(offset);
  if (!isError(first)) return first;
  const { logStartOffset, highWatermark } = rangeOf(first.error);
  if (offset > highWatermark) return { partition, logStartOffset, highWatermark, batches: [] };
  const second = await ask(logStartOffset);
  if (isError(second)) throw second.error;
  return second;
}

const isError = (part: PartitionRecords | PartitionError): part is PartitionError => 'error' in part;

function rangeOf(error: RivuletError) {
  if (error.errorCode !== 'OFFSET_OUT_OF_RANGE') throw error;
  return { logStartOffset: error.extra.logStartOffset as number, highWatermark: error.extra.highWatermark as number };
}

/** True if the range ends here. */
async function addAll(page: Page, batches: readonly Uint8Array[]): Promise<boolean> {
  for (const bytes of batches)
    for (const { header, from, to } of splitBatches(bytes))
      if (await addBatch(page, header, bytes.subarray(from, to))) return true;
  return false;
}

async function addBatch(page: Page, header: BatchHeader, bytes: Uint8Array): Promise<boolean> {
  const endOffset = header.baseOffset + header.lastOffsetDelta + 1;
  if (endOffset <= page.next) return false;
  const stop = header.isControl ? false : await addRecords(page, header, bytes);
  if (stop) return true;
  // The batch's end counts, not its last record: compaction may have removed that one.
  page.next = Math.max(page.next, Math.min(endOffset, page.bounds.endOffset));
  return page.bounds.isFirstBatchOnly || page.next >= page.bounds.endOffset;
}

async function addRecords(page: Page, header: BatchHeader, bytes: Uint8Array): Promise<boolean> {
  const before = page.next;
  try {
    const outcome = await withOpenBatch(bytes, page.budget, (batch) => addRecordsOf(page, batch));
    if (outcome !== 'spent') return outcome;
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error;
    if (page.next > before || page.records.length > 0) return true;
    return giveUpBatch(page, header, `its record batch cannot be read: ${error.message}`);
  }
  // The budget of this read is spent. A batch that does not fit a fresh one never fits.
  return page.next > before || page.records.length > 0
    ? true
    : giveUpBatch(page, header, `its record batch unpacks to more than ${limits.unpackedBytes} bytes`);
}

function giveUpBatch(page: Page, { baseOffset, lastOffsetDelta }: BatchHeader, error: string): true {
  page.hopeless = { error, bytesOnly: true };
  page.next = baseOffset + lastOffsetDelta + 1;
  return true;
}

const unitsPerRecord = 10;

async function addRecordsOf(page: Page, batch: OpenBatch): Promise<boolean> {
  const { pace } = page.budget;
  for (const record of batch.scan((offset) => offset >= page.next)) {
    if (record && addRecord(page, asPushRecord(record, batch.header))) return true;
    if (pace.isDue(record ? unitsPerRecord : 1)) await pace.rest();
  }
  return false;
}

/** True if the range ends before this record, or with it. */
function addRecord(page: Page, record: PushRecord): boolean {
  const { bounds } = page;
  if (record.offset >= bounds.endOffset) {
    // No record lies between, so the range ends exactly there.
    page.next = Math.max(page.next, bounds.endOffset);
    return true;
  }
  if (page.records.length >= bounds.records) return true;
  if (!bounds.filter(record)) return passOver(page, record);
  const isOld = record.timestampMs < bounds.youngFromMs;
  if (isOld !== page.isAllOld && page.records.length > 0) return true;
  const bytes = page.bytesOf(record);
  const isTooLarge = bytes > limits.pushEventBytes;
  if (isTooLarge || bytes > page.room) {
    if (page.records.length > 0) return true;
    page.hopeless = {
      error: `the record takes ${bytes} bytes, and an event at most ${limits.pushEventBytes}`,
      bytesOnly: false,
    };
  } else if (isOld) page.hopeless = { error: 'the record is older than maximumRecordAgeSeconds', bytesOnly: false };
  page.isAllOld = isOld;
  page.room -= bytes;
  page.records.push(record);
  page.next = record.offset + 1;
  return isTooLarge;
}

function passOver(page: Page, { offset }: PushRecord): false {
  page.next = offset + 1;
  return false;
}

const asPushRecord = (
  { offset, timestampMs, key, value, headers }: DecodedRecord,
  { timestampType }: BatchHeader,
): PushRecord => ({
  ...{ offset, timestampMs, key, value, headers },
  timestampType: timestampType === 'LogAppendTime' ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
});

/** The record batches from an offset on, as they are stored, for records that nothing can read. */
export async function readBytes(context: PushContext, invocation: PushInvocation, offset: number) {
  const { batches, logStartOffset, highWatermark } = await fetchFrom(context, invocation, offset);
  const from = Math.max(offset, logStartOffset);
  const slices = batches.flatMap((bytes) =>
    splitBatches(bytes).map(({ header, from: begin, to }) => ({
      offset: header.baseOffset,
      endOffset: header.baseOffset + header.lastOffsetDelta + 1,
      bytes: bytes.subarray(begin, to),
    })),
  );
  return { from, highWatermark, batches: slices.filter(({ endOffset }) => endOffset > from) };
}
