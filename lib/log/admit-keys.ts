// A compacted topic keeps the newest record of each key, so a record without a key has no place in it. Only there, batches
// are unpacked when they are admitted. That also refuses batches that no reader, and no compaction, could unpack.

import type { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { NewRecord, PartitionAppend } from '../api/records.ts';
import { refused } from '../api/refusal.ts';
import type { OpenBatch } from '../record/batch.ts';
import type { BatchHeader } from '../record/batch-header.ts';
import { rawRecords } from '../record/raw-records.ts';
import { type UnpackBudget, withOpenBatch } from '../record/unpack.ts';
import { isCompacted } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';

/** Throws INVALID_RECORD with the partition, and with the record's index in it. Throws CorruptBatchError. */
export async function checkKeys(
  { partition, batches }: PartitionAppend,
  headers: readonly BatchHeader[],
  { topic }: Topic,
  budget: UnpackBudget,
): Promise<void> {
  let at = 0;
  let first = 0;
  for (const { sizeBytes, recordCount } of headers) {
    const bytes = batches.subarray(at, at + sizeBytes);
    const keyless = await withOpenBatch(bytes, budget, (open) => indexWithoutKey(open, budget));
    if (keyless === 'spent') throw tooLarge(partition, topic);
    if (keyless >= 0) throw withoutKey(`partition ${partition}: records[${first + keyless}]`, topic);
    at += sizeBytes;
    first += recordCount;
  }
}

/** Returns -1 if every record has a key. */
async function indexWithoutKey({ header, body }: OpenBatch, { pace }: UnpackBudget): Promise<number> {
  let i = 0;
  for (const { key } of rawRecords(header, body)) {
    if (key === null) return i;
    i++;
    if (pace.isDue(1)) await pace.rest();
  }
  return -1;
}

/** The same for records that are not in batches yet. The request is refused as a whole, before it claims its key. */
export function checkRecordKeys(records: readonly NewRecord[], { topic, overrides }: Topic): void {
  if (!isCompacted(overrides)) return;
  const keyless = records.findIndex(({ key }) => key === null);
  if (keyless >= 0) throw withoutKey(`records[${keyless}]`, topic);
}

function withoutKey(record: string, topic: string): RivuletError {
  const detail = `${record}.key: expected a key, because topic ${topic} is compacted, got null`;
  return refused('INVALID_RECORD', detail);
}

function tooLarge(partition: number, topic: string): RivuletError {
  const detail = `partition ${partition}: expected at most ${limits.unpackedBytes} unpacked bytes in one request, because topic ${topic} is compacted, got more`;
  return refused('MESSAGE_TOO_LARGE', detail);
}
