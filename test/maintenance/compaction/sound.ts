// Checks that hold of a compacted log at every moment, whatever has crashed.
import { expect } from 'vitest';
import { readMaintenanceItem } from '../../../lib/partition/maintenance-item.ts';
import { type Appended, type CompactedWorld, itemsOf, readRecords } from './world.ts';

/** A table that follows the log has this in the end. */
export function tableOf(records: readonly Appended[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key, value } of records) {
    if (value === null) values.delete(key);
    else values.set(key, value);
  }
  return values;
}

/** `appended` has every record that was ever appended. */
export async function expectSound(world: CompactedWorld, appended: readonly Appended[]): Promise<void> {
  const items = await itemsOf(world);
  for (const [i, item] of items.entries()) expect(item.firstOffset).toBe(items[i - 1]?.endOffset ?? 0);
  const { logEnd } = await readMaintenanceItem(world.table, world.address);
  expect(items.at(-1)?.endOffset ?? 0).toBe(logEnd);
  const kept = await readRecords(world);
  const byOffset = new Map(appended.map((record) => [record.offset, record]));
  for (const record of kept) expect(record).toEqual(byOffset.get(record.offset));
  expect(tableOf(kept)).toEqual(tableOf(appended));
}
