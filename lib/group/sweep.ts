// Removing what a deleted group, or a deleted topic, has left. Each item only as it was read: whoever makes the group anew
// meanwhile loses nothing.
import { inParallel } from '../concurrency.ts';
import { groupPartition, instancePrefix, targetsPartition } from '../storage/keys.ts';
import { all, atMost, equals, type Item, type Query, type Table } from '../storage/table.ts';
import { readOffsetsItems } from './offsets.ts';
import type { GroupParts } from './parts.ts';
import { inTerm, sameOffset, slotsOf } from './slots.ts';

const itemsAtOnce = 16;

/** Offsets, targets and instance ids; the members' tombstones go by themselves. `groupEpoch`: at which it was deleted. */
export async function sweepGroup(
  { table }: Pick<GroupParts, 'table'>,
  groupId: string,
  groupEpoch: number,
): Promise<void> {
  await removeOffsets(table, await readOffsetsItems(table, groupId, { strong: true }));
  await removeTargets(table, groupId, groupEpoch);
  const instances = await readAll(table, {
    pk: groupPartition(groupId),
    from: instancePrefix,
    through: `${instancePrefix}\u{10FFFF}`,
  });
  await inParallel(instances, itemsAtOnce, ({ pk, sk, m }) =>
    table.write({ kind: 'delete', key: { pk, sk }, if: equals('m', m as string) }),
  );
}

/** Of this epoch or before: who replaces a target removes it, unless it dies. */
export async function removeTargets(table: Table, groupId: string, through: number): Promise<void> {
  const targets = await readAll(table, { pk: targetsPartition(groupId) });
  const old = targets.filter(({ sk }) => Number(sk.slice(0, sk.indexOf('/'))) <= through);
  await inParallel(old, itemsAtOnce, ({ pk, sk }) => table.write({ kind: 'delete', key: { pk, sk } }));
}

export async function removeOffsets(table: Table, items: readonly Item[]): Promise<void> {
  await inParallel(items, itemsAtOnce, (item) => {
    const asRead = slotsOf(item).flatMap(({ partition, slot }) => [
      inTerm(partition, slot),
      sameOffset(partition, slot),
    ]);
    return table.write({
      kind: 'delete',
      key: { pk: item.pk, sk: item.sk },
      if: all(atMost('v', item.v as number), ...asRead),
    });
  });
}

async function readAll(table: Table, range: Query): Promise<Item[]> {
  const items: Item[] = [];
  for (let after: string | undefined; ; ) {
    const page = await table.query({ ...range, strong: true, ...(after !== undefined && { after }) });
    items.push(...page.items);
    if (!page.more) return items;
    after = page.items.at(-1)!.sk;
  }
}
