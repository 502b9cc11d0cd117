// Looks at partitions of a subscription, and invokes the dispatcher where there is something to deliver. It is how a creation, a
// resumption and the hourly net begin deliveries, and in the embedded service a start.
import type { LeasesOver } from '../api/push.ts';
import { hasLiveLease, isRun, type Ownership, ownershipOf } from '../group/items/ownership.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { groupOffsetsKey } from '../storage/keys.ts';
import { allPartitions } from '../topic/partitions.ts';
import { type OfTopic, type PushContext, topicOf } from './context.ts';
import { newInvocation } from './items/invocation.ts';
import { readOwnerships, roomOf } from './items/room.ts';
import type { LiveSubscription, Subscription } from './items/subscription.ts';

const partitionsAtOnce = 32;

type Look = {
  readonly leasesOver?: LeasesOver | undefined;
  /** The partitions behind this one have their turn first. */
  readonly after?: number;
  /** This partition is left out. */
  readonly without?: number;
};

/**
 * Returns how many invocations were sent: as many as there is room for. Nothing is sent while the subscription is paused. Leases and
 * heads are read strongly: with an old copy, what was appended would wait for the next append.
 */
export async function lookAtPartitions(
  context: PushContext,
  subscription: LiveSubscription,
  { leasesOver = 'by the clock', after = -1, without }: Look = {},
): Promise<number> {
  if (subscription.state !== 'Enabled') return 0;
  const { clock } = context;
  const partitions = await partitionsOf(context, subscription);
  const ownerships = await readOwnerships(context, subscription);
  const areOver = leasesOver === 'with the process';
  const room = areOver ? Number.POSITIVE_INFINITY : roomOf(subscription, ownerships, clock.now());
  if (room === 0) return 0;
  const inTurn = [...partitions.slice(after + 1), ...partitions.slice(0, after + 1)].filter((one) => one !== without);
  const places = inTurn.map((partition) => ({ partition, ownership: ownerships.get(partition) }));
  const free = places.filter(({ ownership }) => areOver || !ownership || !hasLiveLease(ownership, clock.now()));
  const behind = await inParallel(free, partitionsAtOnce, async (place) => {
    const head = await context.log.heads.read({ topicId: subscription.topicId, partition: place.partition });
    return (head?.next ?? 0) > (place.ownership?.offset ?? 0) ? [place] : [];
  });
  const due = behind.flat().slice(0, room);
  await inParallel(due, partitionsAtOnce, ({ partition, ownership }) => {
    const follows = areOver && ownership && followed(ownership);
    const invocation = { ...newInvocation(context, subscription, partition), ...follows };
    return context.invoke(invocation, follows ? ownership.note?.nextTryMs : undefined);
  });
  return due.length;
}

const followed = ({ owner }: Ownership) => isRun(owner) && { follows: owner };

/** None if the topic was deleted. */
export async function partitionsOf(context: PushContext, subscription: OfTopic): Promise<number[]> {
  const topic = await topicOf(context, subscription);
  return topic ? allPartitions(topic) : [];
}

export type Place = Pick<Subscription, 'groupId' | 'topicId'> & { readonly partition: number };

/** Both are read strongly: with an old copy, what was appended would wait for the next append. */
export async function readPlace({ table, log }: PushContext, { groupId, topicId, partition }: Place) {
  const item = await table.get(groupOffsetsKey(groupId, topicId, partition), { strong: true });
  const head = await log.heads.read({ topicId, partition });
  return { item, ownership: ownershipOf(item, partition), head };
}
