// Delivers the dead letters of a subscription once more, in their order, one by one. The group commits how far it has come in the
// topic of the dead letters, as in any other topic. It stops at the first failure.
import type { PushRecord, PushTarget, RetryReply, SubscriptionRef } from '../../api/push.ts';
import { invalid } from '../../api/refusal.ts';
import { beingChanged } from '../../group/context.ts';
import { inTerm, ownershipOf, sameOffset, setOffset } from '../../group/items/ownership.ts';
import { type Entry, writeOwnership } from '../../group/items/write-ownership.ts';
import { groupOffsetsKey } from '../../storage/keys.ts';
import { all, equals } from '../../storage/table.ts';
import { readTopicAgain } from '../../topic/current.ts';
import { allPartitions } from '../../topic/partitions.ts';
import type { Topic } from '../../topic/topics.ts';
import type { PushContext } from '../context.ts';
import type { LiveSubscription } from '../items/subscription.ts';
import { letterHeaders } from '../run/dead-letters.ts';
import { readRange } from '../run/read-range.ts';
import { found } from './describe.ts';
import { validSecrets } from '../items/secrets.ts';

/** The caller waits: API Gateway cuts a request at 30 s. */
const longestMs = 18_000;
const deliveryMs = 9_000;
const pageRecords = 500;

type Retry = {
  readonly context: PushContext;
  readonly subscription: LiveSubscription;
  readonly letters: Topic;
  readonly target: PushTarget;
  readonly endsMs: number;
  delivered: number;
};

export async function retryLetters(context: PushContext, ref: SubscriptionRef): Promise<RetryReply> {
  const subscription = await found(context, ref);
  const { settings, secrets } = subscription;
  if (!settings.onFailure || !('topic' in settings.onFailure))
    throw invalid(
      `the subscription of group ${ref.groupId} has no topic for dead letters: only such letters can be delivered again`,
    );
  const letters = await readTopicAgain(context.topics, { topic: settings.onFailure.topic });
  const target = context.targets.open(settings, validSecrets(secrets, context.clock.now()));
  const endsMs = context.clock.monotonic() + longestMs;
  const retry: Retry = { context, subscription, letters, target, endsMs, delivered: 0 };
  for (const partition of allPartitions(letters)) {
    const stop = await retryPartition(retry, partition);
    if (stop) return { delivered: retry.delivered, ...stop };
  }
  return { delivered: retry.delivered, more: false };
}

type Stop = Omit<RetryReply, 'delivered'>;

async function retryPartition(retry: Retry, partition: number): Promise<Stop | undefined> {
  const { context, letters } = retry;
  for (;;) {
    const from = await committedAt(retry, partition);
    const place = {
      topic: letters.topic,
      topicId: letters.topicId,
      partition,
      ...{ id: '', groupId: retry.subscription.groupId },
    };
    const bounds = {
      records: pageRecords,
      filter: () => true,
      endOffset: Number.POSITIVE_INFINITY,
      isFirstBatchOnly: false,
    };
    const range = await readRange(context, place, from, { ...bounds, youngFromMs: Number.NEGATIVE_INFINITY });
    if (range.endOffset === range.from) return undefined;
    let expected = from;
    for (const letter of range.records) {
      if (context.clock.monotonic() >= retry.endsMs) return { more: true };
      const stop = await retryLetter(retry, letter);
      if (stop) return stop;
      expected = await commit(retry, partition, expected, letter.offset + 1);
    }
    if (expected < range.endOffset) await commit(retry, partition, expected, range.endOffset);
  }
}

/** A letter of another subscription is passed over, and one without its record is too: that one is for people. */
async function retryLetter(retry: Retry, letter: PushRecord): Promise<Stop | undefined> {
  const { subscription, target, context } = retry;
  const own = headersOf(letter);
  const isOurs = own.group === subscription.groupId && own.topic === subscription.topic && own.content === 'record';
  if (!isOurs) return undefined;
  const [partition, offset] = [Number(own.partition), Number(own.offset)];
  const batch = {
    groupId: subscription.groupId,
    topic: subscription.topic,
    partition,
    records: [recordOf(letter, own)],
  };
  const leftMs = retry.endsMs + deliveryMs - context.clock.monotonic();
  const delivery = await target.deliver(batch, { deadlineMs: leftMs });
  if (delivery.kind === 'answered' && delivery.answer.kind === 'success') {
    retry.delivered += 1;
    return undefined;
  }
  const error = delivery.kind === 'answered' ? (delivery.answer as { error: string }).error : errorOf(delivery);
  return { more: true, failed: { partition, offset, error } };
}

const errorOf = (delivery: { readonly kind: string; readonly error?: string }): string =>
  delivery.error ?? (delivery.kind === 'gone' ? 'the webhook answered 410 Gone' : 'the target had no room for it');

type Place = Partial<Record<keyof typeof letterHeaders, string>>;

const names = new Map(Object.entries(letterHeaders).map(([name, header]) => [header as string, name]));

/** A record that was given up twice has them twice: the last ones count. */
const headersOf = ({ headers }: PushRecord): Place =>
  Object.fromEntries(
    headers.flatMap(({ key, value }) => {
      const name = names.get(key);
      return name !== undefined && value ? [[name, Buffer.from(value).toString()]] : [];
    }),
  );

const recordOf = (letter: PushRecord, own: Place): PushRecord => ({
  ...letter,
  offset: Number(own.offset),
  timestampMs: Number(own.timestamp),
  headers: letter.headers.filter(({ key }) => !names.has(key)),
});

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
