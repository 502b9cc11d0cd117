// Begins and ends ownership terms. A claim requires the exact term that was read. A refused write returns the item as
// it is now: that item is judged, and the rest is tried again.
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

/** The share of one heartbeat, up to 1,024 partitions. The next heartbeat, half a second later, claims the rest. */
const itemsAtATime = 64;
const itemsAtOnce = 16;
/** A refusal means that another process wrote the item first, and only few processes write one partition. */
const tries = 4;

export type Claims = {
  readonly claimed: Partitions;
  /** Owners whose sessions are over, though no process has closed them yet. */
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

/**
 * Claims the partitions of `missing` that are free now, in a limited number of items. The others belong to another
 * member, or the next heartbeat claims them.
 */
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

/**
 * `mine` are the partitions whose term this member has begun before, at this very epoch. The epoch of a partition never
 * falls: if it is above ours, the partition belongs to a newer target, and is in neither list.
 */
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
 * Within an epoch a partition has one owner, unless another member takes over the instance id of that owner. The
 * earlier owner may be alive in another process, and must not begin its term again. The instance is read after the
 * ownership.
 */
const isSuccessor = async ({ context, groupId, instanceId, memberId }: Claimer): Promise<boolean> =>
  instanceId !== undefined && (await readInstance(context.table, groupId, instanceId)) === memberId;

/** Reads each owner once per request, and after the ownership: a term that is over by then stays over. */
function ownerOf({ context, groupId, owners }: Claimer, memberId: string): Promise<Member | undefined> {
  const reading = owners.get(memberId) ?? readMember(context.table, groupId, memberId);
  owners.set(memberId, reading);
  return reading;
}

/**
 * Ends the member's own terms that began at its epoch or before. A later term, or another member's term, is left alone.
 */
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
