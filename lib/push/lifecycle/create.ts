// Creates a subscription. Read `create` down: each step may be repeated, any process may die between two of them, and the
// subscription counts as Creating until the last one. PROTOCOL.md says what each step prevents.

import { isDeepStrictEqual } from 'node:util';
import type { CreatedSubscription, CreateSubscription } from '../../api/push.ts';
import { refused } from '../../api/refusal.ts';
import { closeTheDead } from '../../group/assignment/compute.ts';
import { beingChanged, nonEmpty, randomName } from '../../group/context.ts';
import { type GroupHead, pausedFor } from '../../group/items/head.ts';
import { openHead } from '../../group/items/heads.ts';
import { isLiving } from '../../group/items/member.ts';
import { readMembers } from '../../group/items/members.ts';
import { checkGroupId } from '../../group/names.ts';
import { readTopicAgain } from '../../topic/current.ts';
import type { Topic } from '../../topic/topics.ts';
import type { PushContext } from '../context.ts';
import { flag } from '../items/flag.ts';
import { beginSubscription, isCreating, setPaused } from '../items/heads.ts';
import { newSecret } from '../items/secrets.ts';
import { type LiveSubscription, readSubscription, type Subscription } from '../items/subscription.ts';
import { lookAtPartitions } from '../look.ts';
import { removeSubscription } from './delete.ts';
import { describe } from './describe.ts';
import { checkDestination } from './destination.ts';
import { settingsOf } from './settings.ts';
import { setStarts } from './start.ts';

export async function create(context: PushContext, request: CreateSubscription): Promise<CreatedSubscription> {
  const { groupId, enabled = true } = request;
  checkGroupId(groupId);
  const settings = settingsOf(request);
  await context.targets.check(settings);
  const topic = await readTopicAgain(context.topics, { topic: request.topic });
  await checkDestination(context, topic.topic, settings.onFailure);
  const found = await existing(context, groupId, topic);
  if (found && !isSame(found, topic, settings)) throw alreadyExists(found);
  const subscription = found ?? (await begin(context, groupId, topic, settings));
  const isUnfinished = !found || found.state === 'Creating';
  if (isUnfinished) await finish(context, subscription, topic, enabled);
  // An earlier request may have died between its last write and its look.
  else await lookAtPartitions(context, found);
  const secret = found ? undefined : subscription.secrets[0]?.secret;
  return { ...(await describe(context, { topic: topic.topic, groupId })), ...(secret !== undefined && { secret }) };
}

/** A topic that was made again under its name has another id: the subscription to the deleted one goes first. */
async function existing(context: PushContext, groupId: string, topic: Topic): Promise<LiveSubscription | undefined> {
  const found = await readSubscription(context.table, groupId);
  const isOfDeletedTopic = found?.topic === topic.topic && found.topicId !== topic.topicId;
  if (!found || !isOfDeletedTopic) return found;
  await removeSubscription(context, found);
  return undefined;
}

const isSame = (found: Subscription, { topicId }: Topic, settings: Subscription['settings']): boolean =>
  found.topicId === topicId && isDeepStrictEqual(found.settings, settings);

const alreadyExists = ({ groupId, topic }: Subscription) =>
  refused(
    'SUBSCRIPTION_ALREADY_EXISTS',
    `group ${groupId} has a subscription to topic ${topic} with other settings: change them with an update, or delete it first`,
  );

/** Step 1. The members are looked at after the head was read, whose epoch is then required. */
async function begin(
  context: PushContext,
  groupId: string,
  topic: Topic,
  settings: Subscription['settings'],
): Promise<Subscription> {
  const { table, clock } = context;
  await closeTheDead(context, groupId);
  const head = await openHead(context, groupId);
  if ((await readMembers(table, groupId)).some(isLiving)) throw nonEmpty(groupId);
  const subscription = newSubscription(context, head, { groupId, topic, settings });
  const result = await table.transact(beginSubscription(head, subscription), randomName(clock));
  const isOurs = result.applied || (await readSubscription(table, groupId))?.id === subscription.id;
  if (!isOurs) throw beingChanged(groupId);
  return subscription;
}

function newSubscription(
  { clock }: PushContext,
  { groupEpoch }: GroupHead,
  { groupId, topic, settings }: { groupId: string; topic: Topic; settings: Subscription['settings'] },
): Subscription {
  const isWebhook = 'url' in settings.target;
  return {
    ...{ id: randomName(clock), groupId, topic: topic.topic, topicId: topic.topicId, settings },
    createdMs: clock.now(),
    epoch: groupEpoch + 1,
    revision: 1,
    secrets: isWebhook ? [{ secret: newSecret(clock) }] : [],
  };
}

/** Steps 2 to 5. */
async function finish(context: PushContext, subscription: Subscription, topic: Topic, enabled: boolean): Promise<void> {
  const { table } = context;
  await setStarts(context, subscription, topic);
  if (!(await flag(table, subscription))) throw beingChanged(subscription.groupId);
  context.onSubscriptions?.(topic.topicId);
  const paused = enabled ? undefined : pausedFor('it was created so');
  await setPaused(table, { ...subscription, changes: 0 }, paused, isCreating);
  const live = await readSubscription(table, subscription.groupId);
  if (live?.id !== subscription.id) throw beingChanged(subscription.groupId);
  await lookAtPartitions(context, live);
}
