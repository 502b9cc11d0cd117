// Delivers the dead letters of a subscription once more, in their order, one by one. The group commits how far it has come in the
// topic of the dead letters, as in any other topic. It stops at the first failure.
//
// Invariant: what is delivered says of itself, in every header, that it is a letter of this subscription, and names an offset that
// its topic has had. A person who may produce to the topic of the letters can write any header, so nothing is taken on trust.
//
// Invariant: no delivery begins, and nothing is committed, after the subscription was deleted. The head of the group is read before each
// delivery, and checked with each commit: from the deletion on members may own these partitions. A person who retries a subscription
// that is paused wants just that; a pause that comes later ends it.
import type { PushTarget, RetryReply, SubscriptionRef } from '../../api/push.ts';
import { invalid, refused } from '../../api/refusal.ts';
import { beingChanged, randomName } from '../../group/context.ts';
import { readHead } from '../../group/items/heads.ts';
import { inTerm, type Ownership, ownershipOf, sameOffset, setOffset, updateOf } from '../../group/items/ownership.ts';
import { groupHeadKey, groupOffsetsKey } from '../../storage/keys.ts';
import { equals } from '../../storage/table.ts';
import { readTopicAgain } from '../../topic/current.ts';
import { allPartitions } from '../../topic/partitions.ts';
import type { Topic } from '../../topic/topics.ts';
import { type PushContext, topicOf, unknownSubscription } from '../context.ts';
import { validSecrets } from '../items/secrets.ts';
import type { LiveSubscription } from '../items/subscription.ts';
import { readRange } from '../run/read-range.ts';
import { found } from './describe.ts';
import { type Original, originalOf, type Source } from './original.ts';

/** The caller waits: API Gateway cuts a request at 30 s. */
const longestMs = 18_000;
const deliveryMs = 9_000;
/** The first letter has this in any case. */
const leastDeliveryMs = 1_000;
const everything = {
  records: 500,
  filter: () => true,
  endOffset: Number.POSITIVE_INFINITY,
  isFirstBatchOnly: false,
  youngFromMs: Number.NEGATIVE_INFINITY,
} as const;

type Retry = {
  readonly context: PushContext;
  readonly subscription: LiveSubscription;
  readonly letters: Topic;
  readonly source: Source;
  readonly target: PushTarget;
  readonly endsMs: number;
  delivered: number;
  /** Records that are no letters of this subscription, that have no record, or that nothing can read: those are for people. */
  skipped: number;
};

type Place = { readonly topic: string; readonly topicId: string; readonly partition: number };

export async function retryLetters(context: PushContext, ref: SubscriptionRef): Promise<RetryReply> {
  const subscription = await found(context, ref);
  const { settings, secrets } = subscription;
  if (!settings.onFailure || !('topic' in settings.onFailure))
    throw invalid(
      `the subscription of group ${ref.groupId} has no topic for dead letters, so none can be delivered again: set onFailure.topic to the topic that has them`,
    );
  const topic = await topicOf(context, subscription);
  if (!topic) throw topicGone(subscription);
  const source = sourceOf(context, subscription, topic);
  const letters = await readTopicAgain(context.topics, { topic: settings.onFailure.topic });
  const target = context.targets.open(settings, validSecrets(secrets, context.clock.now()));
  const endsMs = context.clock.monotonic() + longestMs;
  const retry: Retry = { context, subscription, source, letters, target, endsMs, delivered: 0, skipped: 0 };
  let stop: Stop | undefined;
  for (const partition of allPartitions(letters)) {
    stop = await retryPartition(retry, partition);
    if (stop) break;
  }
  return { delivered: retry.delivered, skipped: retry.skipped, more: false, ...stop };
}

const topicGone = ({ groupId, topic }: LiveSubscription) =>
  refused(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `the topic ${topic} of group ${groupId}'s subscription was deleted or made again: create the subscription again, or delete it`,
  );

/** An end is read again where a letter is behind it: the letter may be younger than the end. */
function sourceOf({ log }: PushContext, { groupId }: LiveSubscription, { topic, topicId }: Topic): Source {
  const ends = new Map<number, number>();
  return {
    ...{ groupId, topic, topicId },
    async hasHad(partition, offset) {
      if (offset < (ends.get(partition) ?? 0)) return true;
      const head = await log.heads.read({ topicId, partition });
      ends.set(partition, head?.next ?? 0);
      return offset < (head?.next ?? 0);
    },
  };
}

type Stop = Omit<RetryReply, 'delivered' | 'skipped'>;

async function retryPartition(retry: Retry, partition: number): Promise<Stop | undefined> {
  const { context, letters, subscription } = retry;
  const place = { topic: letters.topic, topicId: letters.topicId, partition };
  const asked = { ...place, id: '', groupId: subscription.groupId };
  for (;;) {
    let committed = await committedAt(retry, place);
    const range = await readRange(context, asked, committed.offset ?? 0, everything);
    if (range.endOffset === range.from) return undefined;
    const commitTo = async (offset: number): Promise<void> => {
      if ((committed.offset ?? 0) < offset) committed = await commit(retry, place, committed, offset);
    };
    for (const letter of range.records) {
      const original = await originalOf(letter, retry.source);
      const stop = original && (await deliver(retry, original));
      // The next retry begins with this letter.
      if (stop) await commitTo(letter.offset);
      if (stop) return stop;
      if (original) await commitTo(letter.offset + 1);
      else retry.skipped += 1;
    }
    if (range.hopeless?.bytesOnly) retry.skipped += range.endOffset - range.from;
    await commitTo(range.endOffset);
    if (isOutOfTime(retry)) return { more: true };
  }
}

/** However slow the reads are, each request makes some progress. */
const isOutOfTime = ({ context, endsMs, delivered, skipped }: Retry): boolean =>
  context.clock.monotonic() >= endsMs && delivered + skipped > 0;

async function deliver(retry: Retry, { partition, record }: Original): Promise<Stop | undefined> {
  const { subscription, target, context } = retry;
  const { groupId, topic } = subscription;
  if (isOutOfTime(retry) || (await hasNewSettings(retry))) return { more: true };
  const leftMs = retry.endsMs + deliveryMs - context.clock.monotonic();
  const deadlineMs = Math.max(leastDeliveryMs, leftMs);
  const delivery = await target.deliver({ groupId, topic, partition, records: [record] }, { deadlineMs });
  if (delivery.kind === 'answered' && delivery.answer.kind === 'success') {
    retry.delivered += 1;
    return undefined;
  }
  const error = delivery.kind === 'answered' ? (delivery.answer as { error: string }).error : errorOf(delivery);
  return { more: true, failed: { partition, offset: record.offset, error } };
}

const errorOf = (delivery: { readonly kind: string; readonly error?: string }): string =>
  delivery.error ?? (delivery.kind === 'gone' ? 'the webhook answered 410 Gone' : 'the target had no room for it');

/** With new settings the next request goes on. Throws if the subscription was deleted or paused since this one began. */
async function hasNewSettings({ context, subscription }: Retry): Promise<boolean> {
  const { groupId, topic, id, changes, revision } = subscription;
  const live = (await readHead(context.table, groupId))?.subscription;
  if (live?.id !== id) throw unknownSubscription(topic, groupId);
  if (live.state === 'Paused' && live.changes !== changes)
    throw refused(
      'POLICY_VIOLATION',
      `the subscription of group ${groupId} was paused while its dead letters were delivered: ${live.pausedReason}`,
    );
  return live.settingsRevision > revision;
}

async function committedAt({ context, subscription }: Retry, { topicId, partition }: Place): Promise<Ownership> {
  const key = groupOffsetsKey(subscription.groupId, topicId, partition);
  return ownershipOf(await context.table.get(key, { strong: true }), partition);
}

/** Another retry at the same time commits too: one of the two stops here. */
async function commit(
  { context, subscription }: Retry,
  { topic, topicId, partition }: Place,
  before: Ownership,
  offset: number,
): Promise<Ownership> {
  const { groupId, id } = subscription;
  const isAsRead = [inTerm(partition, before), sameOffset(partition, before)];
  const committedMs = context.clock.now();
  const change = setOffset(partition, { offset, committedMs });
  const write = updateOf(groupId, { topic, topicId, partitions: [partition] }, isAsRead, [change]);
  const hasNoMembers = { kind: 'check', key: groupHeadKey(groupId), if: equals('su', id) } as const;
  const result = await context.table.transact([write, hasNoMembers], randomName(context.clock));
  const next = { ...before, offset, committedMs };
  if (result.applied) return next;
  const [refusedWrite, refusedCheck] = result.failures;
  if (refusedCheck?.failed) throw unknownSubscription(subscription.topic, groupId);
  // An earlier try was applied, and its reply was lost for longer than the table knows its token.
  const stored = ownershipOf(refusedWrite?.old, partition);
  if (stored.offset === offset && stored.committedMs === committedMs) return next;
  throw beingChanged(groupId);
}
