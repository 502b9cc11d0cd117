// Reads the batches of log items for compaction. Whatever runs beside it may have replaced or deleted the items meanwhile.
import { RivuletError } from '../../api/errors.ts';
import { isSameObject, type LogItem, logItemAt } from '../../partition/log-item.ts';
import type { LogBatch } from '../log-segment-writer.ts';
import { batchesOfLogItems } from '../source-batches.ts';
import type { CompactionPass } from './pass.ts';

/** Returns undefined if an object is gone that the index no longer names. Throws RivuletError CORRUPT_LOG for damage. */
export async function readItems(
  { context, plan }: CompactionPass,
  items: readonly LogItem[],
): Promise<LogBatch[] | undefined> {
  try {
    const batches: LogBatch[] = [];
    for await (const batch of batchesOfLogItems(context, plan.address, items)) batches.push(batch);
    return batches;
  } catch (error) {
    if (!isDamage(error)) throw error;
    const named = await logItemAt(context.table, plan.address, Number(error.extra.offset));
    const isStillNamed = named !== undefined && items.some((item) => isSameObject(item, named));
    if (isStillNamed) throw error;
    return undefined;
  }
}

export const isDamage = (error: unknown): error is RivuletError =>
  error instanceof RivuletError && error.errorCode === 'CORRUPT_LOG';
