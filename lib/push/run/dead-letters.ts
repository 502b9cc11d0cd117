// Dead letters in a topic. A letter is the record as it was, with headers that say where it came from and why it was given up.
// The letters of one step are written by a producer of their own, so that a repeat after a crash does not double them.
import { createHash } from 'node:crypto';
import type { ErrorCode, RivuletError } from '../../api/errors.ts';
import type { DeadLetter } from '../../api/push.ts';
import { appendAs, noViews } from '../../log/append.ts';
import { encodeAll } from '../../log/batches-of-records.ts';
import { hashedProducer } from '../../producer/ids.ts';
import type { RecordInput } from '../../record/batch.ts';
import { configNumber } from '../../topic/config.ts';
import { readTopicAgain } from '../../topic/current.ts';
import type { Topic } from '../../topic/topics.ts';
import type { PushContext } from '../context.ts';

/** `content` says what the letter has: the record, the bytes of its record batch, or nothing but the place where it lies. */
export const letterHeaders = {
  group: 'rivulet.push.group',
  topic: 'rivulet.push.topic',
  topicId: 'rivulet.push.topic-id',
  partition: 'rivulet.push.partition',
  offset: 'rivulet.push.offset',
  attempts: 'rivulet.push.attempts',
  error: 'rivulet.push.error',
  timestamp: 'rivulet.push.timestamp',
  content: 'rivulet.push.content',
} as const;

/** Names one step: the subscription, the epoch of its last creation or reset, and the committed offset. */
export type StepName = readonly [subscriptionId: string, epoch: number, offset: number];

/** Throws if the topic does not take the letters. One that is too large for it is written without its content. */
export async function appendLetters(
  context: PushContext,
  destination: string,
  letters: readonly DeadLetter[],
  step: StepName,
): Promise<void> {
  const error = await tryToAppend(context, destination, letters, step);
  if (error?.errorCode !== 'MESSAGE_TOO_LARGE') {
    if (error) throw error;
    return;
  }
  const topic = await readTopicAgain(context.topics, { topic: destination });
  const nowMs = context.clock.now();
  const second = await tryToAppend(
    context,
    destination,
    letters.map((letter) => (fits(letter, topic, nowMs) ? letter : pointerOf(letter))),
    step,
  );
  if (second) throw second;
}

/** A letter that does not fit a batch of its own fits none. */
const fits = (letter: DeadLetter, topic: Topic, nowMs: number): boolean =>
  encodeAll([{ index: 0, record: recordOf(letter, nowMs) }], topic, {}).length <=
  configNumber(topic.overrides, 'max.message.bytes');

const pointerOf = ({ record: _r, raw: _b, ...pointer }: DeadLetter): DeadLetter => pointer;

/** The log knows the producer: an earlier try of this step has written the letters. */
const areWritten: ReadonlySet<ErrorCode> = new Set(['DUPLICATE_SEQUENCE_NUMBER', 'OUT_OF_ORDER_SEQUENCE_NUMBER']);

async function tryToAppend(
  { log, topics, clock }: PushContext,
  destination: string,
  letters: readonly DeadLetter[],
  step: StepName,
): Promise<RivuletError | undefined> {
  const topic = await readTopicAgain(topics, { topic: destination });
  const { partition } = letters[0]!;
  const nowMs = clock.now();
  const placed = letters.map((letter, index) => ({ index, record: recordOf(letter, nowMs) }));
  const { producerId, epoch: producerEpoch } = producerOf(letters[0]!, step);
  const batches = encodeAll(placed, topic, { producerId, producerEpoch, baseSequence: 0 });
  const part = { partition: partition % topic.partitions, batches };
  const reply = await appendAs(
    log,
    { topic: destination, topicId: topic.topicId, partitions: [part] },
    { check: () => undefined, firstViews: noViews, begunMs: nowMs },
  );
  const [result] = reply.partitions;
  const error = result && 'error' in result ? result.error : undefined;
  return error && areWritten.has(error.errorCode) ? undefined : error;
}

function producerOf({ groupId, topic, partition }: DeadLetter, step: StepName) {
  const name = JSON.stringify(['push', groupId, topic, partition, ...step]);
  return hashedProducer(createHash('sha256').update(name).digest());
}

function recordOf(letter: DeadLetter, nowMs: number): RecordInput {
  const { record, raw } = letter;
  const own = Object.entries(placeOf(letter)).map(([name, value]) => ({
    key: letterHeaders[name as keyof typeof letterHeaders],
    value: Buffer.from(value),
  }));
  return {
    key: record?.key ?? null,
    value: record?.value ?? raw ?? null,
    headers: [...(record?.headers ?? []), ...own],
    timestampMs: nowMs,
  };
}

const placeOf = ({ record, raw, ...letter }: DeadLetter): Record<keyof typeof letterHeaders, string> => ({
  group: letter.groupId,
  topic: letter.topic,
  topicId: letter.topicId,
  partition: String(letter.partition),
  offset: String(letter.offset),
  attempts: String(letter.attempts),
  error: letter.error,
  timestamp: String(record?.timestampMs ?? -1),
  content: record ? 'record' : raw ? 'batch' : 'none',
});
