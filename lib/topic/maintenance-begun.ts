// This item holds when maintenance first ran on this store. It is put once and never changes. Topics that were made before
// keep their records for a grace period from then on (retention.ts).
import { checkVersion, itemVersion, maintenanceBegunKey } from '../storage/keys.ts';
import { absent, type Item, type Table } from '../storage/table.ts';

/** Returns undefined if maintenance has never run. */
export async function maintenanceBegunMs(table: Table): Promise<number | undefined> {
  return begunOf(await table.get(maintenanceBegunKey, { strong: true }));
}

/** The first call writes the time. Every call returns the time of the first. */
export async function beginMaintenance(table: Table, nowMs: number): Promise<number> {
  const item = { ...maintenanceBegunKey, v: itemVersion, at: nowMs };
  const isFirst = absent('v');
  const result = await table.write({ kind: 'put', item, if: isFirst });
  return result.applied ? nowMs : (begunOf(result.old) ?? nowMs);
}

function begunOf(item: Item | undefined): number | undefined {
  if (item) checkVersion(item, 'beginning of maintenance');
  return item?.at as number | undefined;
}
