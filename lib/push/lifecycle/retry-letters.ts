// Delivers the dead letters of a subscription once more, in their order, one by one. The group commits how far it has come in the
// topic of the dead letters, as in any other topic. It stops at the first failure.
//
// Invariant: what is delivered says of itself, in every header, that it is a letter of this subscription, and names an offset that
// its topic has had. A person who may produce to the topic of the letters can write any header, so nothing is taken on trust.
import type { PushTarget, RetryReply, SubscriptionRef } from '../../api/push.ts';
import { invalid, refused } from '../../api/refusal.ts';
import { beingChanged } from '../../group/context.ts';
import { inTerm, ownershipOf, sameOffset, setOffset } from '../../group/items/ownership.ts';
import { type Entry, writeOwnership } from '../../group/items/write-ownership.ts';
import { groupOffsetsKey } from '../../storage/keys.ts';
import { all, equals } from '../../storage/table.ts';
import { readTopicAgain } from '../../topic/current.ts';
import { allPartitions } from '../../topic/partitions.ts';
import type { Topic } from '../../topic/topics.ts';
import { type PushContext, topicOf } from '../context.ts';
import { validSecrets } from '../items/secrets.ts';
import type { LiveSubscription } from '../items/subscription.ts';
import { readRange } from '../run/read-range.ts';
import { found } from './describe.ts';
import { type Original, originalOf, type Source } from './original.ts';

/** The caller waits: API Gateway cuts a request at 30 s. */
const longestMs = 18_000;
const deliveryMs = 9_000;
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
  /** Records that are no letters of this subscription, or that have no record: those are for people. */
  skipped: number;
};

export async function retryLetters(context: PushContext, ref: SubscriptionRef): Promise<RetryReply> {
  const subscription = await found(context, ref);
  const { settings, secrets } = subscription;
  if (!settings.onFailure || !('topic' in settings.onFailure))
    throw invalid(
      `the subscription of group ${ref.groupId} has no topic for dead letters: only such letters can be delivered again`,
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
    `the topic ${topic} of group ${groupId}'s subscription was deleted, or made again: create the subscription again`,
  );

/** The end of a partition is read once: a letter of later is found by the next retry. */
function sourceOf({ log }: PushContext, { groupId }: LiveSubscription, { topic, topicId, partitions }: Topic): Source {
  const ends = new Map<number, Promise<number>>();
  const endOf = (partition: number): Promise<number> => {
    const end = ends.get(partition) ?? log.heads.read({ topicId, partition }).then((head) => head?.next ?? 0);
    ends.set(partition, end);
    return end;
  };
  return { groupId, topic, partitions, endOf };
}

type Stop = Omit<RetryReply, 'delivered' | 'skipped'>;

async function retryPartition(retry: Retry, partition: number): Promise<Stop | undefined> {
  const { context, letters, subscription } = retry;
  const place = { topic: letters.topic, topicId: letters.topicId, partition, id: '', groupId: subscription.groupId };
  for (;;) {
    const from = await committedAt(retry, partition);
    const range = await readRange(context, place, from, everything);
    if (range.endOffset === range.from) return undefined;
    let committed = from;
    const commitTo = async (offset: number): Promise<void> => {
      if (committed < offset) committed = await commit(retry, partition, committed, offset);
    };
    for (const letter of range.records) {
      const original = await originalOf(letter, retry.source);
      const stop = isOutOfTime(retry) ? { more: true } : original && (await deliver(retry, original));
      // The next retry begins with this letter.
      if (stop) await commitTo(letter.offset);
      if (stop) return stop;
      if (original) await commitTo(letter.offset + 1);
      else retry.skipped += 1;
    }
    await commitTo(range.endOffset);
  }
}

const isOutOfTime = ({ context, endsMs }: Retry): boolean => context.clock.monotonic() >= endsMs;

async function deliver(retry: Retry, { partition, record }: Original): Promise<Stop | undefined> {
  const { subscription, target, context } = retry;
  const { groupId, topic } = subscription;
  const leftMs = retry.endsMs + deliveryMs - context.clock.monotonic();
  const delivery = await target.deliver({ groupId, topic, partition, records: [record] }, { deadlineMs: leftMs });
  if (delivery.kind === 'answered' && delivery.answer.kind === 'success') {
    retry.delivered += 1;
    return undefined;
  }
  const error = delivery.kind === 'answered' ? (delivery.answer as { error: string }).error : errorOf(delivery);
  return { more: true, failed: { partition, offset: record.offset, error } };
}

const errorOf = (delivery: { readonly kind: string; readonly error?: string }): string =>
  delivery.error ?? (delivery.kind === 'gone' ? 'the webhook answered 410 Gone' : 'the target had no room for it');

async function committedAt({ context, subscription, letters }: Retry, partition: number): Promise<number> {
  const key = groupOffsetsKey(subscription.groupId, letters.topicId, partition);
  return ownershipOf(await context.table.get(key, { strong: true }), partition).offset ?? 0;
}

/** Another retry at the same time commits too: one of the two stops here. */
async function commit(
  { context, subscription, letters }: Retry,
  partition: number,
  expected: number,
  offset: number,
): Promise<number> {
  const { groupId, id } = subscription;
  const committedMs = context.clock.now();
  const entry: Entry = { topic: letters.topic, topicId: letters.topicId, partition };
  const errors = await writeOwnership(context, groupId, [entry], {
    readsFirst: true,
    ifNew: equals('su', id),
    judge: (_entry, ownership) => ((ownership.offset ?? expected) === expected ? 'write' : beingChanged(groupId)),
    condition: (_entry, ownership) => {
      const isSameTerm = inTerm(partition, ownership!);
      const isSameOffset = sameOffset(partition, ownership!);
      return all(isSameTerm, isSameOffset);
    },
    change: () => setOffset(partition, { offset, committedMs }),
  });
  const [error] = errors.values();
  if (error) throw error;
  return offset;
}
