// Looks at partitions of a subscription, and invokes the dispatcher where there is something to deliver. It is how a creation, a
// resumption and the hourly net begin deliveries, and in the embedded service a start.
import type { LeasesOver } from '../../api/push.ts';
import { hasLiveLease, isRun, type Ownership, ownershipOf } from '../../group/items/ownership.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupOffsetsKey } from '../../storage/keys.ts';
import { allPartitions } from '../../topic/partitions.ts';
import { type OfTopic, type PushContext, topicOf } from '../context.ts';
import { newInvocation } from '../items/invocation.ts';
import type { LiveSubscription, Subscription } from '../items/subscription.ts';

const partitionsAtOnce = 32;

/** Returns how many invocations were sent. Nothing is sent while the subscription is paused. */
export async function lookAtPartitions(
  context: PushContext,
  subscription: LiveSubscription,
  leasesOver: LeasesOver = 'by the clock',
): Promise<number> {
  if (subscription.state !== 'Enabled') return 0;
  const partitions = await partitionsOf(context, subscription);
  const sent = await inParallel(partitions, partitionsAtOnce, (partition) =>
    lookAt(context, subscription, partition, leasesOver),
  );
  return sent.filter(Boolean).length;
}

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

async function lookAt(
  context: PushContext,
  subscription: Subscription,
  partition: number,
  leasesOver: LeasesOver,
): Promise<boolean> {
  const { ownership, head } = await readPlace(context, { ...subscription, partition });
  const isBehind = (head?.next ?? 0) > (ownership.offset ?? 0);
  const isTaken = leasesOver === 'by the clock' && hasLiveLease(ownership, context.clock.now());
  if (!isBehind || isTaken) return false;
  const follows = leasesOver === 'with the process' && followed(ownership);
  const nextTryMs = follows ? ownership.note?.nextTryMs : undefined;
  await context.invoke({ ...newInvocation(context, subscription, partition), ...follows }, nextTryMs);
  return true;
}

const followed = ({ owner }: Ownership) => isRun(owner) && { follows: owner };
