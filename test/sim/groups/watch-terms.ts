// This reports every term of ownership as it is written. It is a memory table that looks after each write at the
// changed items.
import { ownershipsOf, topicIdOf } from '../../../lib/group/items/ownership.ts';
import { groupOffsetsPartition } from '../../../lib/storage/keys.ts';
import type { Key, Table } from '../../../lib/storage/table.ts';
import { afterWrites } from '../core/through.ts';
import type { TermSeen } from './history.ts';
import { simulatedGroup } from './member.ts';

export function watchTerms(table: Table, terms: TermSeen[], now: () => number): Table {
  const inItem = new Map<string, string[]>();
  const look = async ({ pk, sk }: Key) => {
    if (pk !== groupOffsetsPartition(simulatedGroup)) return;
    const item = await table.get({ pk, sk });
    const atMs = now();
    // The item was deleted with its group or its topic. Terms that follow have no past.
    if (!item)
      for (const partition of inItem.get(sk) ?? [])
        terms.push({ partition, owner: undefined, epoch: 0, isGone: true, atMs });
    const ownerships = item ? ownershipsOf(item) : [];
    const nameOf = (partition: number) => `${topicIdOf(item!)}-${partition}`;
    inItem.set(
      sk,
      ownerships.map(({ partition }) => nameOf(partition)),
    );
    for (const { partition, ownership } of ownerships)
      terms.push({ partition: nameOf(partition), owner: ownership.owner, epoch: ownership.term, isGone: false, atMs });
  };
  return afterWrites(table, look);
}
