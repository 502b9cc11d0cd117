// Step 4 of a run: it reads the next batch, delivers it, and acts on the answer. commit.ts has the commit, failure.ts the rest of a
// failure, and give-up.ts the end of records that are given up.

import { limits } from '../../api/limits.ts';
import { endOfFirstBatch, type Note } from '../../group/items/failure-note.ts';
import { atEnd, commit, observe, type Plan, type Run, restOf, type Step } from './commit.ts';
import { afterFailure, afterThrottling, isExhausted, noteOfPart, pauseForGone } from './failure.ts';
import { giveUpBytes, giveUpRecords, mayNotBeRead, noteHopeless } from './give-up.ts';
import { TermIsOver } from './hold.ts';
import { type Bounds, readRange } from './read-range.ts';
import { isToWait, waitForMore } from './window.ts';

/** A function's time-out is at most this. A webhook has its own, shorter one. */
const longestDeliveryMs = 10 * 60_000 + 10_000;

export async function deliverNext(run: Run): Promise<Step> {
  const { note: noted } = run.hold;
  if (noted && mayNotBeRead(run, noted)) return giveUpBytes(run, noted);
  const plan = await planNext(run);
  const { note } = plan;
  if (plan.endOffset === plan.from) return atEnd(run, plan);
  if (note && isGivenUp(run, note)) return giveUpRecords(run, { ...plan, note });
  if (plan.hopeless) return noteHopeless(run, plan);
  if (plan.records.length === 0) return commit(run, plan, plan.endOffset);
  // Nothing is awaited here: it would keep the records for as long as the wait takes. The next step reads them again.
  if (isToWait(run, plan)) return waitForMore(run, plan.highWatermark);
  return deliver(run, plan);
}

const isGivenUp = (run: Run, note: Note): boolean => note.givenUp !== undefined || isExhausted(run, note);

/** A failing batch is read exactly as far as it was noted: more records would be given up after fewer attempts. */
async function planNext(run: Run): Promise<Plan> {
  const { context, hold } = run;
  const { note, invocation, offset } = hold;
  const range = await readRange(context, invocation, offset, boundsOf(run, note));
  const isVoid = note !== undefined && note.endOffset !== endOfFirstBatch && note.endOffset <= range.from;
  if (!isVoid) return { ...range, note };
  // Retention has removed what had failed, and perhaps not all of the batch that was split.
  const rest = restOf(note, range.from, context.clock.now());
  return { ...(await readRange(context, invocation, offset, boundsOf(run, rest))), note: rest };
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
  // The answer of a delivery that was cut off says nothing about its records.
  const isCutOff = run.signal.aborted && delivery.kind === 'failed';
  if (isCutOff) throw new TermIsOver();
  if (delivery.kind === 'throttled') return afterThrottling(run, plan, delivery);
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
