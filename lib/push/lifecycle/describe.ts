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
import { readHead } from '../../group/items/heads.ts';
import { hasLiveLease } from '../../group/items/ownership.ts';
import { checkGroupId } from '../../group/names.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupIdOf, groupsPartition, topicsPartition } from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import { allPartitions } from '../../topic/partitions.ts';
import { parseTopic, type Topic } from '../../topic/topics.ts';
import { type PushContext, topicOf, unknownSubscription } from '../context.ts';
import { listedFor } from '../items/flag.ts';
import { type LiveSubscription, readSubscription } from '../items/subscription.ts';
import { readPlace } from '../look.ts';

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
  const topic = await topicOf(context, subscription);
  const partitions = await inParallel(topic ? allPartitions(topic) : [], partitionsAtOnce, (partition) =>
    describePartition(context, subscription, partition),
  );
  const { target: _, ...summary } = summaryOf(subscription, topic !== undefined);
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

function summaryOf(subscription: LiveSubscription, isTopicThere: boolean): SubscriptionSummary {
  const { topic, topicId, groupId, state, pausedReason, settings } = subscription;
  const ref = { topic, topicId, groupId, target: settings.target };
  if (!isTopicThere) return { ...ref, state: 'TopicDeleted' };
  return { ...ref, state, ...(pausedReason !== undefined && { pausedReason }) };
}

/**
 * Looks at all groups, because the list of a topic's subscriptions cannot be found once the topic is deleted. Costs a look at all
 * topics and groups, one read for each group, and two more for each subscription.
 */
export async function list(
  context: PushContext,
  { topic, limit = 100, after }: Parameters<Subscriptions['list']>[0],
): ReturnType<Subscriptions['list']> {
  const { table } = context;
  const topics = (await readAll(table, { pk: topicsPartition, strong: true })).map(parseTopic);
  const topicIds = new Set(topics.map(({ topicId }) => topicId));
  const groups = await readAll(table, { pk: groupsPartition, strong: true });
  const found = await inParallel(groups.map(groupIdOf), groupsAtOnce, async (groupId) => {
    const head = await readHead(table, groupId);
    return head?.subscription && readSubscription(table, groupId);
  });
  const isAsked = (one: SubscriptionRef) =>
    (topic === undefined || one.topic === topic) && (after === undefined || compare(one, after) > 0);
  const sorted = found
    .filter((one) => one !== undefined)
    .filter(isAsked)
    .toSorted(compare);
  const page = sorted.slice(0, limit).map((one) => summaryOf(one, topicIds.has(one.topicId)));
  return { subscriptions: page, more: sorted.length > limit };
}

const compare = (a: SubscriptionRef, b: SubscriptionRef): number =>
  a.topic === b.topic ? order(a.groupId, b.groupId) : order(a.topic, b.topic);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export async function pushedTopics({ table }: PushContext): Promise<Topic[]> {
  const items = await readAll(table, { pk: topicsPartition, strong: true });
  return items.map(parseTopic).filter(({ isPushed }) => isPushed);
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
