// Describes subscriptions for people who look at them.
import type {
  Delivered,
  SubscriptionDescription,
  SubscriptionPartition,
  SubscriptionRef,
  SubscriptionSummary,
  Subscriptions,
} from '../../api/push.ts';
import { failureOf } from '../../group/items/failure-note.ts';
import { hasLiveLease } from '../../group/items/ownership.ts';
import { checkGroupId } from '../../group/names.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { topicsPartition } from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import { parseTopic, type Topic } from '../../topic/topics.ts';
import { type PushContext, unknownSubscription } from '../context.ts';
import { listedFor } from '../items/flag.ts';
import { type LiveSubscription, readSubscription } from '../items/subscription.ts';
import { partitionsOf, readPlace } from '../look.ts';

const partitionsAtOnce = 32;
const groupsAtOnce = 16;

export async function found({ table }: PushContext, { topic, groupId }: SubscriptionRef): Promise<LiveSubscription> {
  checkGroupId(groupId);
  const subscription = await readSubscription(table, groupId);
  if (subscription?.topic !== topic) throw unknownSubscription(topic, groupId);
  return subscription;
}

export async function describe(context: PushContext, ref: SubscriptionRef): Promise<SubscriptionDescription> {
  const subscription = await found(context, ref);
  const numbers = await partitionsOf(context, subscription);
  const partitions = await inParallel(numbers, partitionsAtOnce, (partition) =>
    describePartition(context, subscription, partition),
  );
  const { target: _, ...summary } = summaryOf(subscription);
  return {
    ...summary,
    settings: subscription.settings,
    lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
    partitions,
  };
}

async function describePartition(
  context: PushContext,
  subscription: LiveSubscription,
  partition: number,
): Promise<SubscriptionPartition> {
  const { ownership, head } = await readPlace(context, { ...subscription, partition });
  const { offset, leaseUntilMs, note } = ownership;
  const { logStart = 0, next = 0 } = head ?? {};
  const isTaken = hasLiveLease(ownership, context.clock.now());
  return {
    partition,
    committedOffset: offset ?? -1,
    logStartOffset: logStart,
    logEndOffset: next,
    lag: Math.max(0, next - Math.max(offset ?? 0, logStart)),
    ...(isTaken && { leaseUntilMs: leaseUntilMs! }),
    ...(note && { failing: failureOf(note) }),
  };
}

const summaryOf = ({
  topic,
  topicId,
  groupId,
  state,
  pausedReason,
  settings,
}: LiveSubscription): SubscriptionSummary => ({
  ...{ topic, topicId, groupId, state, target: settings.target },
  ...(pausedReason !== undefined && { pausedReason }),
});

/** Costs a look at all topics, and three reads for each subscription. */
export async function list(
  context: PushContext,
  { topic, limit = 100, after }: Parameters<Subscriptions['list']>[0],
): ReturnType<Subscriptions['list']> {
  const all: SubscriptionSummary[] = [];
  for (const { topicId } of await pushedTopics(context, topic)) {
    const entries = await subscriptionsOf(context, topicId);
    all.push(...entries.flatMap(({ subscription }) => (subscription ? [summaryOf(subscription)] : [])));
  }
  const isBehind = (one: SubscriptionRef) => after === undefined || compare(one, after) > 0;
  const sorted = all.filter(isBehind).toSorted(compare);
  return { subscriptions: sorted.slice(0, limit), more: sorted.length > limit };
}

const compare = (a: SubscriptionRef, b: SubscriptionRef): number =>
  a.topic === b.topic ? order(a.groupId, b.groupId) : order(a.topic, b.topic);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export async function pushedTopics({ table }: PushContext, name?: string): Promise<Topic[]> {
  const items = await readAll(table, { pk: topicsPartition, strong: true });
  return items.map(parseTopic).filter((topic) => topic.isPushed && (name === undefined || topic.topic === name));
}

/** Every entry of the list. It has no subscription if a creation or a deletion died. */
export async function subscriptionsOf({ table }: PushContext, topicId: string) {
  return inParallel(await listedFor(table, topicId), groupsAtOnce, async (listing) => {
    const subscription = await readSubscription(table, listing.groupId);
    const isOfTopic = subscription?.topicId === topicId;
    return { listing, subscription: isOfTopic ? subscription : undefined };
  });
}

export async function deliveredOf(context: PushContext, topicId: string): Promise<Delivered[]> {
  const entries = await subscriptionsOf(context, topicId);
  return entries.flatMap(({ subscription }) => {
    if (!subscription) return [];
    const { topic, groupId, settings } = subscription;
    const { maximumConcurrency } = settings;
    return [{ topic, groupId, ...(maximumConcurrency !== undefined && { maximumConcurrency }) }];
  });
}
