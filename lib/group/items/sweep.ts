// Removes what a deleted group, or a deleted topic, has left. An item goes only if it is as it was read, and offsets go
// only if the group was still deleted after that read. So a group that is re-created meanwhile loses nothing, however
// long this process was frozen.
import { inParallel } from '../../runtime/concurrency.ts';
import { groupHeadKey, groupPartition, instancePrefix, targetsPartition } from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import { equals, type Item, type Table } from '../../storage/table.ts';
import type { GroupContext } from '../context.ts';
import { ttlOfDeleted } from './head.ts';
import { isLiving } from './member.ts';
import { readMember } from './members.ts';
import { burialOf, isBuried, sameOwnerships } from './ownership.ts';
import { readOffsetsItems } from './read-ownership.ts';

const itemsAtOnce = 16;

/**
 * Removes offsets, targets and instance ids. The tombstones of members go by themselves. `groupEpoch` is the epoch of
 * the deletion.
 */
export async function sweepGroup(
  { table, clock }: Pick<GroupContext, 'table' | 'clock'>,
  groupId: string,
  groupEpoch: number,
): Promise<void> {
  const ttl = ttlOfDeleted(clock.now());
  const offsets = await readOffsetsItems(table, groupId, { strong: true });
  await inParallel(offsets, itemsAtOnce, (item) => bury(table, groupId, item, { groupEpoch, ttl }));
  await removeTargets(table, groupId, groupEpoch);
  const instances = await readAll(table, {
    pk: groupPartition(groupId),
    strong: true,
    from: instancePrefix,
    through: `${instancePrefix}\u{10FFFF}`,
  });
  await inParallel(instances, itemsAtOnce, async ({ pk, sk, m }) => {
    // A member joins before it re-creates the group, so what it has does not belong to the deleted group.
    const holder = await readMember(table, groupId, m as string);
    if (holder && isLiving(holder)) return;
    await table.write({ kind: 'delete', key: { pk, sk }, if: equals('m', m as string) });
  });
}

/**
 * Tries again as often as a commit that had found the group comes in between. That commit then learns that the group is
 * gone.
 */
async function bury(
  table: Table,
  groupId: string,
  found: Item,
  { groupEpoch, ttl }: { groupEpoch: number; ttl: number },
): Promise<void> {
  for (let item: Item | undefined = found; item && !isBuried(item); ) {
    if (!(await isStillDeleted(table, groupId, groupEpoch))) return;
    const burial = burialOf(item, groupEpoch, ttl);
    const result = await table.write(burial);
    const isAsRead = result.applied;
    if (isAsRead) return;
    item = result.old;
  }
}

/** If true, what was read before this call belongs to the deleted group. */
async function isStillDeleted(table: Table, groupId: string, groupEpoch: number): Promise<boolean> {
  const head = await table.get(groupHeadKey(groupId), { strong: true });
  return head?.de !== undefined && head.ge === groupEpoch;
}

/**
 * The head is gone already, and its epochs with it, so the epochs in the offsets items would be above those of the
 * group that is created now. All items go, not only those that are buried: a claim may have come after the burial,
 * where there was no item.
 */
export async function removeRest({ table }: Pick<GroupContext, 'table'>, groupId: string): Promise<void> {
  const rest = await readOffsetsItems(table, groupId, { strong: true });
  const isMade = rest.length > 0 && (await table.get(groupHeadKey(groupId), { strong: true })) !== undefined;
  if (!isMade) await removeOffsets(table, rest);
}

/**
 * Removes the targets of this epoch or before. A process that replaces a target removes the old one, unless it dies.
 */
export async function removeTargets(table: Table, groupId: string, through: number): Promise<void> {
  const targets = await readAll(table, { pk: targetsPartition(groupId), strong: true });
  const old = targets.filter(({ sk }) => Number(sk.slice(0, sk.indexOf('/'))) <= through);
  await inParallel(old, itemsAtOnce, ({ pk, sk }) => table.write({ kind: 'delete', key: { pk, sk } }));
}

export async function removeOffsets(table: Table, items: readonly Item[]): Promise<void> {
  await inParallel(items, itemsAtOnce, (item) =>
    table.write({ kind: 'delete', key: { pk: item.pk, sk: item.sk }, if: sameOwnerships(item) }),
  );
}
