// Changes a subscription: its settings, whether it is paused, its secret. Runs notice each of these before their next batch.
import type { SubscriptionDescription, SubscriptionRef, Subscriptions, UpdateSubscription } from '../../api/push.ts';
import { invalid, refused } from '../../api/refusal.ts';
import { beingChanged, randomName } from '../../group/context.ts';
import { pausedFor } from '../../group/items/head.ts';
import { asRunFound, changeInRun, isWaiting, updateOf } from '../../group/items/ownership.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import type { PushContext } from '../context.ts';
import { notCreating, setPaused } from '../items/heads.ts';
import { newSecret, rotated } from '../items/secrets.ts';
import { changeOf, type LiveSubscription } from '../items/subscription.ts';
import { lookAtPartitions, partitionsOf, readPlace } from '../look.ts';
import { describe, found } from './describe.ts';
import { checkDestination } from './destination.ts';
import { changedSettings } from './settings.ts';

const partitionsAtOnce = 16;
const defaultReason = 'somebody paused it';
/** As the API's schema has it. */
const reasonLength = 249;

export async function update(context: PushContext, request: UpdateSubscription): ReturnType<Subscriptions['update']> {
  const before = await found(context, request);
  const settings = changedSettings(before.settings, request);
  await context.targets.check(request);
  await checkDestination(context, before.topic, request.onFailure);
  const needsSecret = 'url' in settings.target && before.secrets.length === 0;
  const secret = needsSecret ? newSecret(context.clock) : undefined;
  await write(context, before, { settings, ...(secret !== undefined && { secrets: [{ secret }] }) });
  // A run of before may have met the limit of before, and one that ends without a limit looks for no other.
  if (request.maximumConcurrency !== undefined) await lookAtPartitions(context, await found(context, request));
  const description =
    request.enabled === undefined
      ? await describe(context, request)
      : await (request.enabled ? resume : pause)(context, request);
  return { ...description, ...(secret !== undefined && { secret }) };
}

async function write(
  context: PushContext,
  before: LiveSubscription,
  changes: Parameters<typeof changeOf>[1],
): Promise<void> {
  const result = await context.table.transact(changeOf(before, changes), randomName(context.clock));
  context.onSubscriptions?.(before.topicId);
  if (!result.applied) throw beingChanged(before.groupId);
}

/** No batch begins after this. One that is under way ends, and is committed. */
export async function pause(
  context: PushContext,
  ref: SubscriptionRef & { readonly reason?: string },
): Promise<SubscriptionDescription> {
  const { reason = defaultReason } = ref;
  if (reason.length > reasonLength)
    throw invalid(`reason: expected at most ${reasonLength} characters, got ${reason.length}`);
  await setState(context, ref, pausedFor(reason));
  return describe(context, ref);
}

/** Nothing else hears of the records that came meanwhile, so every partition is looked at. */
export async function resume(context: PushContext, ref: SubscriptionRef): Promise<SubscriptionDescription> {
  await setState(context, ref, undefined);
  await lookAtPartitions(context, await found(context, ref));
  return describe(context, ref);
}

/** An unfinished creation has not set all partitions to their start, so nothing may be delivered. */
async function setState(context: PushContext, ref: SubscriptionRef, paused: string | undefined): Promise<void> {
  const subscription = await found(context, ref);
  if (await setPaused(context.table, subscription, paused, notCreating)) return;
  throw (await found(context, ref)).state === 'Creating' ? unfinished(ref) : beingChanged(ref.groupId);
}

const unfinished = ({ groupId }: SubscriptionRef) =>
  refused(
    'NON_EMPTY_GROUP',
    `the creation of the subscription of group ${groupId} is unfinished: create it again with the same settings`,
  );

/** Ends the back-off of every failing batch. A scheduled retry that comes later follows a term that is over. */
export async function retryNow(context: PushContext, ref: SubscriptionRef): Promise<SubscriptionDescription> {
  const subscription = await found(context, ref);
  const partitions = await partitionsOf(context, subscription);
  await inParallel(partitions, partitionsAtOnce, (partition) => endBackOff(context, subscription, partition));
  await lookAtPartitions(context, subscription);
  context.endWaits?.(subscription);
  return describe(context, ref);
}

async function endBackOff(context: PushContext, subscription: LiveSubscription, partition: number): Promise<void> {
  const { ownership } = await readPlace(context, { ...subscription, partition });
  if (!ownership.note || !isWaiting(ownership)) return;
  const { groupId, topic, topicId } = subscription;
  const note = { ...ownership.note, nextTryMs: context.clock.now() };
  const change = changeInRun(partition, (ownership.commitSeq ?? 0) + 1, { leaseUntilMs: 0, note });
  const item = { topic, topicId, partitions: [partition] };
  await context.table.write(updateOf(groupId, item, [asRunFound(partition, ownership)], [change]));
}

export async function rotateSecret(
  context: PushContext,
  ref: SubscriptionRef,
): ReturnType<Subscriptions['rotateSecret']> {
  const subscription = await found(context, ref);
  if (!('url' in subscription.settings.target))
    throw invalid(`the subscription of group ${ref.groupId} delivers to a function, and only webhooks have a secret`);
  const { secrets, ...shown } = rotated(subscription.secrets, context.clock);
  await write(context, subscription, { secrets });
  return shown;
}
