// Sequence: one conditional update of a partition's head gives an uploaded run of batches its offsets. That update is
// the commit point of an append. It needs no read, and writers do not contend: each gets the next offsets, whoever else
// writes. docs/PROTOCOL.md lists the conditions with the failure that the absence of each would cause.

import { type Outcome, RivuletError } from '../api/errors.ts';
import { type EntryProducer, encodeEntry } from '../partition/entry.ts';
import { deletedFence, encodeProducerState, type Head, parseHead, producerAttribute } from '../partition/head.ts';
import { decide, sequenceAfter } from '../producer/decide.ts';
import { firstTransactionalId } from '../producer/ids.ts';
import { fullJitterMs } from '../runtime/clock.ts';
import { headKey } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import {
  absent,
  all,
  any,
  atMost,
  below,
  type Condition,
  equals,
  lacks,
  type Path,
  type Write,
  type WriteResult,
} from '../storage/table.ts';
import type { Attempt, UploadedRun } from './attempt.ts';
import { type LogContext, partitionName } from './context.ts';
import { putAndName } from './inline.ts';
import { judge, unexpectedOffset, type Verdict } from './judge.ts';
import { newestOf } from './producer-history.ts';
import { carriedOverMark, spill } from './spill.ts';

export type Sequenced = { readonly baseOffset: number; readonly logStartOffset: number; readonly duplicate: boolean };

/** A run that waited longer is not sequenced: producers are remembered by the age of their segments' names. */
const oldestRunMs = 10 * 60_000;
/** Failed conditions that call for the same update with newer knowledge: each needs another writer's spill in between. */
const mostSends = 20;
/** How long a batch waits for its predecessor before the answer is a gap: a resend of it takes about as long. */
const gapMs = 1_500;
/** Between looks at the head meanwhile: growing and jittered, because each is billed; cut short when the partition grows. */
const firstLookMs = 10;
const lastLookMs = 1_300;

/** Throws RivuletError with the outcome for the data. `view` is any copy of the head, however old. */
export async function sequence(context: LogContext, run: UploadedRun, view: Head | undefined): Promise<Sequenced> {
  let attempt: Attempt = { ...run, raw: encodeEntry(run.entry), doubtful: false, firstView: view?.next ?? 0 };
  let head = await reachedBy(context, attempt, view ?? (await makeHead(context, attempt)));
  for (let sends = 0; sends < mostSends; sends++) {
    const result = await sendInTurn(context, attempt, head, sends);
    if (result.applied) return acknowledge(context, attempt, parseHead(result.item!));
    const mayBeThere = attempt.doubtful || (result.doubtful ?? false);
    attempt = { ...stored(attempt), isFirstEver: false, doubtful: mayBeThere };
    head = result.old ? parseHead(result.old) : await makeHead(context, attempt);
    context.heads.remember(attempt.address, head);
    const verdict = await patientVerdict(context, attempt, head);
    if (verdict.kind === 'appended') return verdict;
    if (verdict.kind === 'refused') throw withOutcome(verdict.error, attempt);
    if (verdict.kind === 'upload again') attempt = await uploadAgain(attempt, verdict.minEpoch);
    head = verdict.head;
  }
  throw withOutcome(
    new RivuletError('THROTTLED', `partition ${run.address.partition} changed ${mostSends} times meanwhile`),
    attempt,
  );
}

/**
 * Returns a copy of the head in which the log has reached the offset that the run expects. Otherwise nothing is sent: a
 * delayed copy of such an update could land once the log has grown, after the caller was told that nothing was written.
 */
async function reachedBy(context: LogContext, attempt: Attempt, copy: Head): Promise<Head> {
  const { address, expectedOffset = 0 } = attempt;
  if (copy.next >= expectedOffset) return copy;
  const head = (await readable(attempt, context.heads.read(address))) ?? copy;
  const isDeleted = head.fence >= deletedFence;
  const isBeyondEnd = head.next < expectedOffset;
  if (isBeyondEnd && !isDeleted) throw withOutcome(unexpectedOffset(address, head, expectedOffset), attempt);
  return head;
}

/**
 * Waits for its turn. This process may have seen a newer head by then, and an update from that one is refused less often.
 * A run that is the first of its key must not start from that one, because a copy by another process may be in it. A
 * later send keeps the head that the judge has seen.
 */
function sendInTurn(context: LogContext, attempt: Attempt, head: Head, sends: number): Promise<WriteResult> {
  return context.updates.run(partitionName(attempt.address), async () => {
    const mayBeNewer = sends === 0 && !attempt.isFirstEver;
    const view = (mayBeNewer && context.heads.seen(attempt.address)) || head;
    return send(context, attempt, await lookedUpTo(context, attempt, view));
  });
}

async function send(context: LogContext, attempt: Attempt, lookedUp: number | undefined): Promise<WriteResult> {
  const ageMs = context.clock.now() - attempt.begunMs;
  if (Math.abs(ageMs) > oldestRunMs) {
    throw withOutcome(
      new RivuletError('REQUEST_TIMED_OUT', `the request is ${ageMs} ms old, above the limit of ${oldestRunMs}`),
      attempt,
    );
  }
  const update = sequencingUpdate(attempt, lookedUp);
  const { table } = context;
  try {
    return await (attempt.unstored ? putAndName(table, attempt.unstored, update) : table.write(update));
  } catch (error) {
    throw storageFailure(error, attempt.doubtful);
  }
}

/** An update that was refused has stored the item all the same. */
function stored({ unstored: _, ...attempt }: Attempt): Attempt {
  return attempt;
}

/** The update itself. `lookedUp`: the log below this offset was searched for the producer, and its batch may follow. */
function sequencingUpdate(attempt: Attempt, lookedUp: number | undefined): Write {
  const { entry, raw, address, expectedOffset } = attempt;
  const { producer, recordCount } = entry;
  const nextState = producer && encodeProducerState(producer.epoch, sequenceAfter(producer.firstSequence, recordCount));
  const notFenced = atMost('g', entry.segmentEpoch);
  const mayFollow = producer ? producerMayAppend(producer, lookedUp) : notInLog(raw, lookedUp ?? 0);
  const atExpectedOffset = expectedOffset === undefined ? [] : [equals('n', expectedOffset)];
  return {
    kind: 'update',
    key: headKey(address.topicId, address.partition),
    update: {
      append: [['t', [raw]]],
      add: [
        ['n', recordCount],
        ['z', entry.lengthBytes],
      ],
      ...(producer && { set: [[['p', producerAttribute(producer.id)], nextState!]] }),
    },
    if: all(notFenced, mayFollow, ...atExpectedOffset),
  };
}

function producerMayAppend({ id, epoch, firstSequence }: EntryProducer, lookedUp: number | undefined): Condition {
  const resident = ['p', producerAttribute(id)] as const;
  const isInOrder = equals(resident, encodeProducerState(epoch, firstSequence));
  const mayBeginEpoch = firstSequence === 0;
  const mayBeNew = firstSequence === 0 && id < firstTransactionalId;
  return any(
    isInOrder,
    ...(mayBeginEpoch ? [isOfOlderEpoch(resident, epoch)] : []),
    ...(mayBeNew ? [neverSeen(resident, id)] : []),
    ...(lookedUp === undefined ? [] : [notSinceLookup(resident, lookedUp)]),
  );
}

const isOfOlderEpoch = (resident: Path, epoch: number): Condition => below(resident, encodeProducerState(epoch, 0));

function neverSeen(resident: Path, id: number): Condition {
  const notResident = absent(resident);
  const notEvicted = below('x', id);
  return all(notResident, notEvicted);
}

/**
 * If a copy of this update landed after the lookup, its offset is at or above `lookedUp`: then the producer is resident,
 * or the tail has moved past it. Both refuse for ever.
 */
function notSinceLookup(resident: Path, lookedUp: number): Condition {
  const notResident = absent(resident);
  const notTrimmed = atMost('b', lookedUp);
  return all(notResident, notTrimmed);
}

/** Without a producer id only our own entry tells of an earlier copy: it is in the tail, or the tail has moved past it. */
function notInLog(raw: Uint8Array, lookedUp: number): Condition {
  const notInTail = lacks('t', raw);
  const notTrimmed = atMost('b', lookedUp);
  return all(notInTail, notTrimmed);
}

/**
 * Up to which offset we know that this run may follow; undefined when we do not know it, or need not. Only a copy of the
 * head in which the producer is *not* resident will do: where it is, a trim planned before a late copy of this update
 * lands can still evict the producer afterwards, with the tail's base below that copy. For the same reason the number is
 * that copy's, however much more of the log the history covers.
 */
async function lookedUpTo(context: LogContext, attempt: Attempt, head: Head): Promise<number | undefined> {
  const { producer, recordCount } = attempt.entry;
  if (!producer) return head.next;
  const isResident = head.producer(producer.id) !== undefined;
  if (isResident) return undefined;
  const wasNeverSeen = producer.id < firstTransactionalId && head.highestEvictedId < producer.id;
  if (wasNeverSeen) return undefined;
  if (attempt.isFirstEver) return head.next;
  const history = await readable(attempt, context.histories.upTo(attempt.address, head));
  const mayFollow = decide(newestOf(history, producer.id), { ...producer, recordCount }) === 'append';
  return mayFollow ? head.next : undefined;
}

/** Waits for a predecessor within bounds, looking at fresh copies of the head: a gap is never told from a stale one. */
async function patientVerdict(
  context: LogContext,
  attempt: Attempt,
  first: Head,
): Promise<Exclude<Verdict, { kind: 'wait' }>> {
  const { clock, notifications } = context;
  const deadline = clock.monotonic() + gapMs;
  let head = first;
  for (let look = 0; ; look++) {
    const verdict = await readable(attempt, judge(context, attempt, head));
    if (verdict.kind !== 'wait') return verdict;
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return { kind: 'refused', error: verdict.error };
    const pauseMs = firstLookMs + fullJitterMs(clock, look, firstLookMs, lastLookMs);
    const watch = notifications.watch([partitionName(attempt.address)]);
    await watch.wait(Math.min(leftMs, pauseMs));
    watch.close();
    const fresh = await readable(attempt, context.heads.read(attempt.address));
    head = fresh ?? head;
  }
}

async function acknowledge(context: LogContext, { address, entry }: Attempt, head: Head): Promise<Sequenced> {
  context.heads.remember(address, head);
  context.histories.observe(address, head);
  context.notifications.announce(partitionName(address));
  if (carriedOverMark(head.tail)) await spill(context, address, head);
  return { baseOffset: head.next - entry.recordCount, logStartOffset: head.logStart, duplicate: false };
}

async function uploadAgain(attempt: Attempt, minEpoch: number): Promise<Attempt> {
  try {
    const uploaded = await attempt.upload(minEpoch);
    return { ...attempt, ...uploaded, raw: encodeEntry(uploaded.entry) };
  } catch (error) {
    throw storageFailure(error, attempt.doubtful, false);
  }
}

/** A topic's creator died before it made this head: make it, with the topic's fence. */
async function makeHead(context: LogContext, attempt: Attempt): Promise<Head> {
  const { topicId, partition } = attempt.address;
  await readable(attempt, context.topics.makeHead(topicId, partition));
  const head = await readable(attempt, context.heads.read(attempt.address));
  if (!head) throw withOutcome(new RivuletError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topicId} was deleted`), attempt);
  return head;
}

/** A failed read beside the update says nothing new of the data. */
async function readable<T>(attempt: Attempt, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    throw error instanceof RivuletError ? withOutcome(error, attempt) : storageFailure(error, attempt.doubtful, false);
  }
}

function withOutcome(error: RivuletError, attempt: Attempt): RivuletError {
  if (error.outcome !== undefined) return error;
  const outcome: Outcome = attempt.doubtful ? 'unknown' : 'not-written';
  return new RivuletError(error.errorCode, error.message, { outcome, extra: { ...error.extra }, cause: error });
}
