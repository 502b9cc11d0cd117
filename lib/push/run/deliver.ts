// Steps 4 and 5 of a run: it reads the next batch, delivers it, and commits what was answered for. failure.ts says what follows a
// failure, give-up.ts what becomes of records that are given up.

import { limits } from '../../api/limits.ts';
import type { PushEvent, PushTarget } from '../../api/push.ts';
import type { Note } from '../../group/items/failure-note.ts';
import { endOfFirstBatch } from '../../group/items/failure-note.ts';
import type { PushContext } from '../context.ts';
import type { Subscription } from '../items/subscription.ts';
import { afterFailure, afterThrottling, isExhausted, noteOfPart, pauseForGone } from './failure.ts';
import { giveUpBytes, giveUpRecords, mayNotBeRead, noteHopeless } from './give-up.ts';
import { type Hold, TermIsOver } from './hold.ts';
import { type Bounds, type Range, readRange } from './read-range.ts';
import { waitForMore } from './window.ts';

export type Run = {
  readonly context: PushContext;
  readonly hold: Hold;
  readonly subscription: Subscription;
  readonly target: PushTarget;
  /** Ends a delivery: the term is over, or the process is about to end. */
  readonly signal: AbortSignal;
  /** The batching window of the next batch is over. */
  hasWaited: boolean;
};

/** `released`: the partition is, because the batch reached the end of the log. `ended`: another invocation goes on later. */
export type Step = 'go on' | 'caught up' | 'released' | 'ended';

/** What is delivered next. The note is there if it has failed before, and its end is the end of the range then. */
export type Plan = Range & { readonly note: Note | undefined };

/** A function's time-out is at most this. A webhook has its own, shorter one. */
const longestDeliveryMs = 10 * 60_000 + 10_000;

export async function deliverNext(run: Run): Promise<Step> {
  const { note: noted } = run.hold;
  if (noted && mayNotBeRead(run, noted)) return giveUpBytes(run, noted);
  const plan = await planNext(run);
  const { note } = plan;
  if (plan.endOffset === plan.from) return 'caught up';
  if (note && isGivenUp(run, note)) return giveUpRecords(run, { ...plan, note });
  if (plan.hopeless) return noteHopeless(run, plan);
  if (plan.records.length === 0) return commit(run, plan, plan.endOffset);
  const wait = await waitForMore(run, plan);
  return wait ?? deliver(run, plan);
}

const isGivenUp = (run: Run, note: Note): boolean => note.givenUp !== undefined || isExhausted(run, note);

/** A failing batch is read exactly as far as it was noted: more records would be given up after fewer attempts. */
async function planNext(run: Run): Promise<Plan> {
  const { context, hold } = run;
  const { note, invocation, offset } = hold;
  const range = await readRange(context, invocation, offset, boundsOf(run, note));
  // Retention has removed what had failed.
  const isVoid = note !== undefined && note.endOffset !== endOfFirstBatch && note.endOffset <= range.from;
  if (!isVoid) return { ...range, note };
  const anew = await readRange(context, invocation, offset, boundsOf(run, undefined));
  return { ...anew, note: undefined };
}

function boundsOf(run: Run, note: Note | undefined): Bounds {
  const { targets, clock } = run.context;
  const { batchSize, maximumRecordAgeSeconds, filterCriteria } = run.subscription.settings;
  const isAgeless = maximumRecordAgeSeconds < 0 || (note !== undefined && isGivenUp(run, note));
  const isFirstBatchOnly = note?.endOffset === endOfFirstBatch;
  return {
    endOffset: note && !isFirstBatchOnly ? note.endOffset : Number.POSITIVE_INFINITY,
    isFirstBatchOnly,
    // Somebody may have made the batches smaller since it was noted.
    records: note && !isFirstBatchOnly ? limits.pushBatchSize : batchSize,
    filter: filterCriteria ? targets.filter(filterCriteria) : () => true,
    youngFromMs: isAgeless ? Number.NEGATIVE_INFINITY : clock.now() - maximumRecordAgeSeconds * 1000,
  };
}

async function deliver(run: Run, plan: Plan): Promise<Step> {
  const { target, hold, subscription } = run;
  const { groupId, topic } = subscription;
  const batch = { groupId, topic, partition: hold.invocation.partition, records: plan.records };
  const delivery = await target.deliver(batch, { deadlineMs: longestDeliveryMs, signal: run.signal });
  // What a delivery that was cut off answers says nothing about its records.
  const isCutOff = run.signal.aborted && delivery.kind === 'failed';
  if (isCutOff) throw new TermIsOver();
  if (delivery.kind === 'throttled') return afterThrottling(run, plan, delivery.retryAfterMs);
  if (delivery.kind === 'gone') return pauseForGone(run, plan);
  if (delivery.kind === 'failed') return afterFailure(run, plan, delivery.error);
  const { answer } = delivery;
  if (answer.kind === 'failed') return afterFailure(run, plan, answer.error);
  if (answer.kind === 'success') {
    observe(run, 'delivered', plan.records.length);
    return commit(run, plan, plan.endOffset);
  }
  const hasProgress = answer.failedOffset > plan.records[0]!.offset;
  return hasProgress ? commitPart(run, plan, answer) : afterFailure(run, plan, answer.error);
}

/** One write commits what was handled and notes an attempt of the rest. */
async function commitPart(run: Run, plan: Plan, part: { failedOffset: number; error: string }): Promise<Step> {
  const { failedOffset, error } = part;
  const handled = plan.records.filter(({ offset }) => offset < failedOffset).length;
  observe(run, 'delivered', handled);
  observe(run, 'failed', plan.records.length - handled, error);
  return commit(run, plan, failedOffset, noteOfPart(run, plan, error));
}

/** Step 5. The batch that reaches the end of the log releases the partition in the same write. */
export async function commit(
  run: Run,
  plan: Pick<Plan, 'from' | 'highWatermark' | 'note'>,
  offset: number,
  failing?: Note,
): Promise<Step> {
  const { context, hold } = run;
  const note = failing ?? restOf(plan.note, offset, context.clock.now());
  const isAtEnd = note === undefined && offset >= plan.highWatermark;
  const lost = plan.from - hold.offset;
  await hold.write({
    commit: { offset, committedMs: context.clock.now() },
    note: note ?? 'none',
    ...(isAtEnd && { leaseUntilMs: 0 }),
  });
  if (lost > 0) observe(run, 'lost', lost);
  run.hasWaited = false;
  return isAtEnd ? 'released' : 'go on';
}

/** What is left of a batch that was split is tried apart from what follows it. */
function restOf(note: Note | undefined, offset: number, nowMs: number): Note | undefined {
  if (note?.outerEnd === undefined || note.outerEnd <= offset) return undefined;
  const { firstFailureMs, error, outerEnd } = note;
  return { endOffset: outerEnd, attempts: 0, firstFailureMs, nextTryMs: nowMs, error };
}

export function observe({ context, hold }: Run, kind: PushEvent['kind'], records: number, error?: string): void {
  const { groupId, topic, partition } = hold.invocation;
  context.observe?.({ kind, groupId, topic, partition, records, ...(error !== undefined && { error }) });
}
