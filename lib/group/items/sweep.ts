// Removing what a deleted group, or a deleted topic, has left. Each item only as it was read, and only if the group was still
// deleted after that: whoever makes it anew meanwhile loses nothing, however long we were frozen.
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

/** Offsets, targets and instance ids; the members' tombstones go by themselves. `groupEpoch`: at which it was deleted. */
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
    // A member joins before it makes the group anew: what it has is not the deleted group's.
    const holder = await readMember(table, groupId, m as string);
    if (holder && isLiving(holder)) return;
    await table.write({ kind: 'delete', key: { pk, sk }, if: equals('m', m as string) });
  });
}

/** However often a commit that had found the group comes in between: it hears that the group is gone. */
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

/** What was read before this is the deleted group's. */
async function isStillDeleted(table: Table, groupId: string, groupEpoch: number): Promise<boolean> {
  const head = await table.get(groupHeadKey(groupId), { strong: true });
  return head?.de !== undefined && head.ge === groupEpoch;
}

/**
 * The head is gone already, and its epochs with it: those in the offsets would be above those of the group that is made now.
 * Not only what is buried: a claim may have come after the burial, where there was no item.
 */
export async function removeRest({ table }: Pick<GroupContext, 'table'>, groupId: string): Promise<void> {
  const rest = await readOffsetsItems(table, groupId, { strong: true });
  const isMade = rest.length > 0 && (await table.get(groupHeadKey(groupId), { strong: true })) !== undefined;
  if (!isMade) await removeOffsets(table, rest);
}

/** Of this epoch or before: who replaces a target removes it, unless it dies. */
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
