// Reads what is stored about the partitions of a group: their owners and committed offsets, by topic id and partition.
import type { OffsetPosition } from '../../api/groups.ts';
import { groupOffsetsKey, groupOffsetsPartition } from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import type { Item, Table } from '../../storage/table.ts';
import { type Ownership, ownershipsOf, topicIdOf, topicNameOf } from './ownership.ts';
import type { Entry } from './write-ownership.ts';

export type StoredOwnership = Entry & { readonly ownership: Ownership };

type Range = {
  readonly topicId?: string;
  readonly after?: OffsetPosition | undefined;
  readonly strong: boolean;
};

/** Returns everything stored about the group, or about one topic of it, by topic id and partition. */
export async function readOwnership(table: Table, groupId: string, options: Range): Promise<StoredOwnership[]> {
  const items = await readOffsetsItems(table, groupId, options);
  const all = items.flatMap((item) =>
    ownershipsOf(item).map(({ partition, ownership }) => ({
      topic: topicNameOf(item),
      topicId: topicIdOf(item),
      partition,
      ownership,
    })),
  );
  return all.filter(isBehind(options.after));
}

export const isBehind = (after: OffsetPosition | undefined) => (at: OffsetPosition) =>
  after === undefined || at.topicId > after.topicId || (at.topicId === after.topicId && at.partition > after.partition);

export async function readOffsetsItems(
  table: Table,
  groupId: string,
  { topicId, after, strong }: Range,
): Promise<Item[]> {
  const range = {
    ...(topicId !== undefined && { from: `${topicId}/`, through: `${topicId}/~` }),
    ...(after &&
      after.topicId === (topicId ?? after.topicId) && {
        from: groupOffsetsKey(groupId, after.topicId, after.partition).sk,
      }),
  };
  return readAll(table, { pk: groupOffsetsPartition(groupId), ...range, strong });
}
