// One unit of a compaction pass: some neighbouring log items, which are read, cleaned, and swapped if anything has changed.
import { logItemsFrom } from '../../partition/locate.ts';
import type { LogItem } from '../../partition/log-item.ts';
import { readBatchHeader } from '../../record/batch-header.ts';
import { type LogBatch, writeLogSegments } from '../log-segment-writer.ts';
import { swap } from '../swap.ts';
import { type CleaningRules, cleanBatch } from './clean-batch.ts';
import type { DirtyKeys } from './dirty-keys.ts';
import type { CompactionPass } from './pass.ts';
import { readItems } from './read-items.ts';

/**
 * Cleans the unit that begins with the item which covers `offset` by now, and returns its end. The result is 'refused' if
 * another process has changed these items meanwhile, and 'uncovered' if no item covers the offset.
 */
export async function cleanUnit(
  pass: CompactionPass,
  keys: DirtyKeys,
  offset: number,
): Promise<number | 'refused' | 'uncovered'> {
  const items = await unitAt(pass, offset, keys.to);
  if (items.length === 0) return 'uncovered';
  const batches = await readItems(pass, items);
  if (!batches) return 'refused';
  const cleaned = await cleanAll(pass, keys, batches);
  if (cleaned.hasChanged) {
    const isDone = pass.context.isDryRun || (await replace(pass, items, cleaned.batches));
    if (!isDone) return 'refused';
    const { counts } = pass.context;
    counts.compactedRecords += cleaned.removedRecords;
    counts.compactedBytes += Math.max(0, bytesOf(batches) - bytesOf(cleaned.batches));
  }
  return items.at(-1)!.endOffset;
}

/** The items are read one unit at a time: another process may have joined those after the unit before. */
async function unitAt({ context, plan, limits }: CompactionPass, offset: number, to: number): Promise<LogItem[]> {
  const unit: LogItem[] = [];
  let bytes = 0;
  for await (const item of logItemsFrom(context.table, plan.address, offset, to)) {
    bytes += item.bytes;
    const fits = bytes <= limits.unitBytes && unit.length < limits.unitItems;
    if (unit.length > 0 && !fits) break;
    unit.push(item);
  }
  return unit;
}

type CleanedUnit = { readonly batches: LogBatch[]; removedRecords: number; hasChanged: boolean };

async function cleanAll(
  { context, plan, budget, deleteRetentionMs }: CompactionPass,
  { newest, to }: DirtyKeys,
  batches: readonly LogBatch[],
): Promise<CleanedUnit> {
  const nowMs = context.clock.now();
  const rules: CleaningRules = { newest, to, cleanPoint: plan.cleanPoint, nowMs, deleteRetentionMs };
  const unit: CleanedUnit = { batches: [], removedRecords: 0, hasChanged: false };
  for (const batch of batches) {
    const { bytes, removedRecords } = await cleanBatch(batch, rules, budget);
    const isSame = bytes === batch.bytes;
    unit.removedRecords += removedRecords;
    unit.hasChanged ||= !isSame && batch.header.recordCount > 0;
    if (bytes) unit.batches.push(isSame ? batch : { ...batch, bytes, header: readBatchHeader(bytes) });
  }
  return unit;
}

async function replace(
  { context, plan }: CompactionPass,
  items: readonly LogItem[],
  batches: readonly LogBatch[],
): Promise<boolean> {
  const { firstOffset } = items[0]!;
  const { endOffset, bytesAppended, runningMaxTimestampMs } = items.at(-1)!;
  const newestEpoch = items.reduce((newest, item) => Math.max(newest, item.newestEpoch), 0);
  const totals = { newestEpoch, bytesAppended, runningMaxTimestampMs };
  const range = { address: plan.address, firstOffset, endOffset, totals, fence: plan.fence };
  return swap(context, plan.address, items, await writeLogSegments(context, range, batches));
}

const bytesOf = (batches: readonly LogBatch[]): number => batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
