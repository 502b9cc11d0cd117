// A compacted topic keeps the newest record of each key, so a record without a key has no place in it. Only there, batches
// are unpacked when they are admitted. That also refuses batches that no reader, and no compaction, could unpack.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { NewRecord, PartitionAppend } from '../api/records.ts';
import { refused } from '../api/refusal.ts';
import type { OpenBatch } from '../record/batch.ts';
import type { BatchHeader } from '../record/batch-header.ts';
import { rawRecords } from '../record/raw-records.ts';
import { type UnpackBudget, withOpenBatch } from '../record/unpack.ts';
import { isCompacted } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';

/** Throws INVALID_RECORD, which names the records without a key. Throws CorruptBatchError. */
export async function checkKeys(
  { partition, batches }: PartitionAppend,
  headers: readonly BatchHeader[],
  { topic }: Topic,
  budget: UnpackBudget,
): Promise<void> {
  const keyless: number[] = [];
  let at = 0;
  let first = 0;
  for (const { sizeBytes, recordCount } of headers) {
    const bytes = batches.subarray(at, at + sizeBytes);
    const from = first;
    const found = await withOpenBatch(bytes, budget, (open) => noteKeyless(open, from, keyless, budget));
    if (found === 'spent') throw tooLarge(partition, topic);
    at += sizeBytes;
    first += recordCount;
  }
  if (keyless.length > 0) throw withoutKeys(partition, keyless, topic);
}

/** Goes through all records of a batch, the first of which has the index `from`. */
async function noteKeyless({ header, body }: OpenBatch, from: number, keyless: number[], { pace }: UnpackBudget) {
  let i = from;
  for (const { key } of rawRecords(header, body)) {
    if (key === null && keyless.length < limits.namedRecords) keyless.push(i);
    i++;
    if (pace.isDue(1)) await pace.rest();
  }
}

/** The same for records that are not in batches yet. The request is refused as a whole, before it claims its key. */
export function checkRecordKeys(records: readonly NewRecord[], { topic, overrides }: Topic): void {
  if (!isCompacted(overrides)) return;
  const keyless = records.findIndex(({ key }) => key === null);
  if (keyless >= 0) throw refused('INVALID_RECORD', `records[${keyless}].${reasonOf(topic)}`);
}

const reasonOf = (topic: string): string => `key: expected a key, because topic ${topic} is compacted, got null`;

function withoutKeys(partition: number, keyless: readonly number[], topic: string): RivuletError {
  const reason = reasonOf(topic);
  const detail = `partition ${partition}: records[${keyless[0]}].${reason}`;
  return new RivuletError('INVALID_RECORD', detail, {
    outcome: 'not-written',
    records: keyless.map((index) => ({ index, reason })),
  });
}

function tooLarge(partition: number, topic: string): RivuletError {
  const detail = `partition ${partition}: expected at most ${limits.unpackedBytes} unpacked bytes in one request, because topic ${topic} is compacted, got more`;
  return refused('MESSAGE_TOO_LARGE', detail);
}
