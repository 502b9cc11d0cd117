// The fences of a partition are segment epochs. The head refuses an entry of an older epoch, and the maintenance item
// refuses an output of an older epoch. So nothing that a sweep has found unnamed behind the fences can be named later.
// Fences only rise.
import { headKey, itemVersion, maintenanceKey } from '../storage/keys.ts';
import { absent, any, below, type Table } from '../storage/table.ts';
import { emptyHeadItem } from './head.ts';
import type { PageAddress } from './page.ts';

/** Also fences a head that was never made: a process that is about to make it must find the fence. */
export async function fenceHead(table: Table, { topicId, partition }: PageAddress, fence: number): Promise<void> {
  const key = headKey(topicId, partition);
  const { pk: _pk, sk: _sk, g: _g, ...rest } = emptyHeadItem(key, fence);
  const isLower = any(absent('g'), below('g', fence));
  await table.write({
    kind: 'update',
    key,
    update: { set: [['g', fence]], setIfAbsent: Object.entries(rest) },
    if: isLower,
  });
}

/** Also makes an item that is missing: a merge that is about to make it must find the fence. */
export async function fenceOutputs(table: Table, { topicId, partition }: PageAddress, fence: number): Promise<void> {
  const isLower = any(absent('g'), below('g', fence));
  await table.write({
    kind: 'update',
    key: maintenanceKey(topicId, partition),
    update: { set: [['g', fence]], setIfAbsent: [['v', itemVersion]] },
    if: isLower,
  });
}
