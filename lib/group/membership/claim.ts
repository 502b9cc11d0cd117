// Beginning and ending terms of ownership. Each write asks for the exact term that was read; one that is refused shows
// what is there now, and the rest is tried again.
import { inParallel } from '../../runtime/concurrency.ts';
import type { Item } from '../../storage/table.ts';
import type { GroupContext } from '../context.ts';
import { isExpired, isOver, type Member } from '../items/member.ts';
import { readInstance, readMember } from '../items/members.ts';
import {
  beginTerm,
  byItem,
  endTerm,
  type ItemPartitions,
  inTerm,
  keyOfItem,
  type Ownership,
  ownedSince,
  ownershipOf,
  updateOf,
} from '../items/ownership.ts';
import { none, type Partitions, setOf } from '../partition-set.ts';

/** One heartbeat's share, up to 1,024 partitions: the rest follows half a second later. */
const itemsAtATime = 64;
const itemsAtOnce = 16;
/** A refusal shows another writer, and there are few per partition. */
const tries = 4;

export type Claims = {
  readonly claimed: Partitions;
  /** Owners whose sessions are over though nobody has closed them yet. */
  readonly expired: readonly Member[];
};

type Claimer = {
  readonly context: GroupContext;
  readonly groupId: string;
  readonly memberId: string;
  readonly instanceId: string | undefined;
  readonly epoch: number;
  readonly owners: Map<string, Promise<Member | undefined>>;
};

/** What can be had of `missing` now, of at most so many items: the rest is another's, or comes next time. */
export async function claim(
  context: GroupContext,
  groupId: string,
  member: Member,
  epoch: number,
  missing: Partitions,
): Promise<Claims> {
  const { memberId, instanceId } = member;
  const claimer: Claimer = { context, groupId, memberId, instanceId, epoch, owners: new Map() };
  const items = byItem(missing).slice(0, itemsAtATime);
  const claimed = await inParallel(items, itemsAtOnce, (item) => claimItem(claimer, item));
  const owners = await Promise.all(claimer.owners.values());
  const now = context.clock.now();
  return {
    claimed: setOf(claimed.flat()),
    expired: owners.filter((owner) => owner !== undefined && isExpired(owner, now)) as Member[],
  };
}

async function claimItem(claimer: Claimer, item: ItemPartitions): Promise<Partitions> {
  const { context, groupId, memberId, epoch } = claimer;
  let stored = await context.table.get(keyOfItem(groupId, item), { strong: true });
  for (let attempt = 0; attempt < tries; attempt++) {
    const { mine, free } = await sortOut(claimer, item, stored);
    if (free.length === 0) return only(item, mine);
    const write = updateOf(
      groupId,
      item,
      free.map(({ partition, ownership }) => inTerm(partition, ownership)),
      free.map(({ partition, ownership }) => beginTerm(partition, memberId, epoch, ownership)),
    );
    const result = await context.table.write(write);
    if (result.applied) return only(item, [...mine, ...free.map(({ partition }) => partition)]);
    stored = result.old;
  }
  return none;
}

const only = (item: ItemPartitions, partitions: readonly number[]): Partitions => setOf([{ ...item, partitions }]);

/** `mine`: this very term was begun before. The epoch of a partition never falls: what is above ours is a newer target's. */
async function sortOut(claimer: Claimer, item: ItemPartitions, stored: Item | undefined) {
  const { memberId, epoch } = claimer;
  const mine: number[] = [];
  const free: { partition: number; ownership: Ownership }[] = [];
  for (const partition of item.partitions) {
    const ownership = ownershipOf(stored, partition);
    if (ownership.owner === memberId && ownership.term === epoch) mine.push(partition);
    else if (isNotNewer(ownership, epoch) && (await isFree(claimer, item.topicId, partition, ownership)))
      free.push({ partition, ownership });
  }
  return { mine, free };
}

const isNotNewer = ({ term }: Ownership, epoch: number): boolean => term <= epoch;

async function isFree(
  claimer: Claimer,
  topicId: string,
  partition: number,
  { owner, term }: Ownership,
): Promise<boolean> {
  if (owner === claimer.memberId) return true;
  if (term === claimer.epoch && !(owner !== undefined && (await isSuccessor(claimer)))) return false;
  if (owner === undefined) return true;
  return isOver(await ownerOf(claimer, owner), term, topicId, partition);
}

/**
 * Within an epoch a partition has one owner, but for who takes over its instance id. Whose it was before may be alive in
 * another process, which must not begin its term again. Asked after the ownership.
 */
const isSuccessor = async ({ context, groupId, instanceId, memberId }: Claimer): Promise<boolean> =>
  instanceId !== undefined && (await readInstance(context.table, groupId, instanceId)) === memberId;

/** Once per request. Read after the ownership: what is over then stays over. */
function ownerOf({ context, groupId, owners }: Claimer, memberId: string): Promise<Member | undefined> {
  const reading = owners.get(memberId) ?? readMember(context.table, groupId, memberId);
  owners.set(memberId, reading);
  return reading;
}

/** Ends the member's own terms, begun at its epoch or before; a later term, or another's, is left alone. */
export async function release(
  context: GroupContext,
  groupId: string,
  member: Member,
  partitions: Partitions,
): Promise<void> {
  await inParallel(byItem(partitions), itemsAtOnce, async (item) => {
    let left = item.partitions;
    for (let attempt = 0; attempt < tries && left.length > 0; attempt++) {
      const areOurs = left.map((partition) => ownedSince(partition, member.memberId, member.epoch));
      const write = updateOf(groupId, { ...item, partitions: left }, areOurs, left.map(endTerm));
      const result = await context.table.write(write);
      if (result.applied) return;
      left = left.filter((partition) => {
        const { owner, term } = ownershipOf(result.old, partition);
        return owner === member.memberId && term <= member.epoch;
      });
    }
  });
}
