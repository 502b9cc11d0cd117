// Reads the batches of log items for compaction, with their offsets and CRCs checked.
import { RivuletError } from '../api/errors.ts';
import { stretchesOf } from '../partition/locate.ts';
import { type LogItem, logSegmentKeyOf } from '../partition/log-item.ts';
import type { CompactionPass } from './compaction-pass.ts';
import type { LogBatch } from './log-segment-writer.ts';

/**
 * Returns undefined if an object is gone, because the items were replaced or deleted meanwhile. It is damage if the same
 * object is missing again. Throws RivuletError CORRUPT_LOG with the offset.
 */
export async function readItems(pass: CompactionPass, items: readonly LogItem[]): Promise<LogBatch[] | undefined> {
  const { address } = pass.plan;
  const slices = items.flatMap((item) =>
    [...stretchesOf(address, item, item.firstOffset)].map((slice) => ({ slice, item })),
  );
  const read = await pass.slices.read(slices.map(({ slice }) => slice));
  const batches: LogBatch[] = [];
  for (const [i, result] of read.entries()) {
    const { item } = slices[i]!;
    if (result instanceof RivuletError) throw result;
    if (!result) return missing(pass, item);
    const { newestEpoch, bytesAppended, runningMaxTimestampMs } = item;
    for (const batch of result) batches.push({ ...batch, newestEpoch, bytesAppended, runningMaxTimestampMs });
  }
  return batches;
}

function missing({ plan, missedObjects }: CompactionPass, item: LogItem): undefined {
  const name = logSegmentKeyOf(plan.address, item);
  const isDamage = missedObjects.has(name);
  if (isDamage) {
    const detail = `the segment at offset ${item.firstOffset} is missing, or may not be read`;
    throw new RivuletError('CORRUPT_LOG', detail, { extra: { offset: item.firstOffset } });
  }
  missedObjects.add(name);
}
