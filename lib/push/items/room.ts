// How many partitions of a subscription may be delivered at the same time (`maximumConcurrency`). Nothing counts them: the leases
// of the offsets items say which are at work.
//
// Invariant: a run delivers only if it has seen, after it took its lease, that there is room beside all other leases. The
// later one of two runs sees the lease of the earlier one, so there are never too many. Two that see each other both yield.
import { isAtWork, type Ownership } from '../../group/items/ownership.ts';
import { readOwnership } from '../../group/items/read-ownership.ts';
import type { PushContext } from '../context.ts';
import type { Subscription } from './subscription.ts';

export type Ownerships = ReadonlyMap<number, Ownership>;

/** The result has each partition of which anything is stored. */
export async function readOwnerships(
  { table }: Pick<PushContext, 'table'>,
  { groupId, topicId }: Pick<Subscription, 'groupId' | 'topicId'>,
): Promise<Ownerships> {
  const stored = await readOwnership(table, groupId, { topicId, strong: true });
  return new Map(stored.map(({ partition, ownership }) => [partition, ownership]));
}

/** For how many more partitions there is room. */
export function roomOf({ settings }: Subscription, ownerships: Ownerships, nowMs: number): number {
  const { maximumConcurrency = Number.POSITIVE_INFINITY } = settings;
  const atWork = [...ownerships.values()].filter((ownership) => isAtWork(ownership, nowMs)).length;
  return Math.max(0, maximumConcurrency - atWork);
}

/** Whether there is room for this partition beside all others. It reads nothing if the subscription has no limit. */
export async function hasRoomFor(
  context: PushContext,
  subscription: Subscription,
  partition: number,
): Promise<boolean> {
  if (subscription.settings.maximumConcurrency === undefined) return true;
  const others = new Map(await readOwnerships(context, subscription));
  others.delete(partition);
  return roomOf(subscription, others, context.clock.now()) > 0;
}
