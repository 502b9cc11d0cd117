// A failed delivery is noted, and then there is a wait. A short wait is spent here, with the lease; for a longer one a scheduled
// invocation follows this term. The note keeps the attempts when the run dies.
import type { Delivery } from '../../api/push.ts';
import type { Note } from '../../group/items/failure-note.ts';
import { pausedFor } from '../../group/items/head.ts';
import { setPaused } from '../items/heads.ts';
import { newInvocation } from '../items/invocation.ts';
import { observe, type Plan, type Run, type Step } from './commit.ts';

/** A wait of up to this is spent in the run: it is half of a lease. */
const longestWaitHereMs = 20_000;
const firstWaitMs = 1_000;
const longestWaitMs = 5 * 60_000;
/** The hourly net looks at the partition anyway. */
const longestRetryAfterMs = 3_600_000;
const throttledWaitMs = 5_000;

type Throttled = Extract<Delivery, { readonly kind: 'throttled' }>;

export function isExhausted({ subscription }: Pick<Run, 'subscription'>, note: Note | undefined): boolean {
  const { maximumRetryAttempts } = subscription.settings;
  return maximumRetryAttempts >= 0 && (note?.attempts ?? 0) > maximumRetryAttempts;
}

export async function afterFailure(run: Run, plan: Plan, error: string): Promise<Step> {
  observe(run, 'failed', plan.records.length, error);
  const failed = failedOnce(run, plan, error);
  const mustSplit = run.subscription.settings.bisectBatchOnFunctionError && plan.records.length > 1;
  const note = mustSplit ? firstHalf(plan, failed) : failed;
  return waitWith(run, note, isExhausted(run, note) ? 0 : backOffMs(run, failed.attempts));
}

function failedOnce({ context }: Run, { note, endOffset }: Plan, error: string): Note {
  const nowMs = context.clock.now();
  return {
    endOffset,
    attempts: (note?.attempts ?? 0) + 1,
    firstFailureMs: note?.firstFailureMs ?? nowMs,
    nextTryMs: nowMs,
    error,
    ...(note?.outerEnd !== undefined && { outerEnd: note.outerEnd }),
  };
}

/** A split is no attempt of its halves. Nothing that is tried passes the outer end until all of it is answered for. */
function firstHalf({ records, note, endOffset }: Plan, failed: Note): Note {
  const middle = records[Math.floor(records.length / 2)]!.offset;
  return { ...failed, endOffset: middle, attempts: 0, outerEnd: note?.outerEnd ?? endOffset };
}

/** The rest of a batch whose first records were handled has failed once. */
export const noteOfPart = (run: Run, { note, ...plan }: Plan, error: string): Note => {
  const { outerEnd } = note ?? {};
  return { ...failedOnce(run, { ...plan, note: undefined }, error), ...(outerEnd !== undefined && { outerEnd }) };
};

/** Exponential, and between the half and the whole, so that partitions that failed together are not tried together. */
function backOffMs({ context }: Run, attempts: number): number {
  const mostMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempts - 1));
  return mostMs * (0.5 + context.clock.random() / 2);
}

export async function afterThrottling(
  run: Run,
  plan: Plan,
  { retryAfterMs = throttledWaitMs, reason: error = 'the target had no room for it' }: Throttled,
): Promise<Step> {
  observe(run, 'throttled', plan.records.length, error);
  const { attempts, ...note } = failedOnce(run, plan, plan.note?.error ?? error);
  const askedMs = Math.max(firstWaitMs, Math.min(longestRetryAfterMs, retryAfterMs));
  // As no attempt counts, only this keeps a target that never has room from holding runs, one after the other, without end.
  const lastedMs = Math.min(longestWaitMs, note.nextTryMs - note.firstFailureMs);
  return waitWith(run, { ...note, attempts: attempts - 1 }, Math.max(askedMs, lastedMs));
}

/** The scheduled invocation is sent before the note, so that a crash between them leaves one too many. */
export async function waitWith(run: Run, note: Note, waitMs: number): Promise<Step> {
  const { context, hold } = run;
  const { clock } = context;
  const nextTryMs = Math.ceil(clock.now() + waitMs);
  const isShort = waitMs <= longestWaitHereMs;
  if (isShort) {
    await hold.write({ note: { ...note, nextTryMs } });
    await clock.sleep(waitMs);
    return 'go on';
  }
  await followLater(run, nextTryMs);
  await hold.write({ note: { ...note, nextTryMs }, leaseUntilMs: nextTryMs });
  return 'ended';
}

/** It names this term. A process with a slow clock takes it for too early, and without the name the lease would use it up. */
export function followLater({ context, hold, subscription }: Run, whenMs: number): Promise<void> {
  const invocation = newInvocation(context, subscription, hold.invocation.partition);
  return context.invoke({ ...invocation, follows: hold.owner }, whenMs);
}

/** The step before the next batch then finds that the subscription is paused. */
export async function pauseForGone(run: Run, plan: Plan): Promise<Step> {
  const error = 'the webhook answered 410 Gone';
  const { groupId, id } = run.subscription;
  await setPaused(run.context.table, { groupId, id, changes: run.changes }, pausedFor(error));
  observe(run, 'paused', plan.records.length, error);
  return 'go on';
}
