// Reads the dirty records of a pass, in offset order, and notes the newest offset of each key. The range ends with a whole
// item: before the one whose keys might not fit the map, or whose bytes would take too long.
import { type LogItem, logItemAt } from '../../partition/log-item.ts';
import type { OpenBatch } from '../../record/batch.ts';
import { rawRecords } from '../../record/raw-records.ts';
import { unitsPerHash } from './clean-batch.ts';
import { createKeyMap, type KeyMap } from './key-map.ts';
import { whileOpen } from './open-batch.ts';
import type { CompactionPass } from './pass.ts';
import { readItems } from './read-items.ts';

export type DirtyKeys = {
  readonly newest: KeyMap;
  /** The map has the keys up to here. This offset is exclusive. */
  readonly to: number;
};

/** Returns undefined if the pass must end, because its time is over or the records are being deleted. */
export async function mapDirtyKeys(pass: CompactionPass): Promise<DirtyKeys | undefined> {
  const { context, plan, limits } = pass;
  let newest: KeyMap | undefined;
  let bytes = 0;
  let next = plan.dirtyFrom;
  while (next < plan.dirtyTo) {
    const item = await logItemAt(context.table, plan.address, next);
    if (!item || context.isOver()) return undefined;
    // While the first item is read again, because it was replaced, it may have become larger.
    const isFirst = bytes === 0;
    if (isFirst || !newest) newest = createKeyMap(roomFor(pass, item), context.clock.randomBytes(16));
    const fits = newest.size + item.recordCount <= newest.mostKeys && bytes + item.bytes <= limits.dirtyBytes;
    if (!isFirst && !fits) break;
    if (!(await addKeysOf(pass, item, newest))) continue;
    bytes += item.bytes;
    next = item.endOffset;
  }
  return newest && { newest, to: Math.min(next, plan.dirtyTo) };
}

const roomFor = ({ plan, limits }: CompactionPass, first: LogItem): number =>
  Math.max(first.recordCount, Math.min(limits.mapKeys, plan.dirtyRecords));

/** Returns false if the object is gone: what replaced it must be read. */
async function addKeysOf(pass: CompactionPass, item: LogItem, newest: KeyMap): Promise<boolean> {
  const batches = await readItems(pass, [item]);
  if (!batches) return false;
  const { dirtyFrom, dirtyTo } = pass.plan;
  for (const { header, baseOffset, bytes } of batches) {
    const isDirty = baseOffset + header.lastOffsetDelta >= dirtyFrom && baseOffset < dirtyTo;
    const hasKeys = header.recordCount > 0 && !header.isControl;
    if (isDirty && hasKeys) await whileOpen(bytes, pass.budget, (open) => addKeys(pass, open, newest));
  }
  return true;
}

async function addKeys({ budget: { pace } }: CompactionPass, open: OpenBatch, newest: KeyMap): Promise<void> {
  // A batch that readers cannot unpack to its end must not replace any record: so all of it is read first.
  for (const _ of rawRecords(open.header, open.body)) if (pace.isDue(1)) await pace.rest();
  for (const { key, offset } of rawRecords(open.header, open.body)) {
    if (key !== null) newest.put(key, offset);
    if (pace.isDue(unitsPerHash)) await pace.rest();
  }
}
