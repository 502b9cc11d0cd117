// The steps of a run share this, and step 5 is here: the commit. One write commits the offset, notes what is still failing, and
// releases the partition if the batch reached the end of the log.
import type { PushEvent, PushTarget } from '../../api/push.ts';
import type { Note } from '../../group/items/failure-note.ts';
import type { PushContext } from '../context.ts';
import type { Subscription } from '../items/subscription.ts';
import type { Hold } from './hold.ts';
import type { Range } from './read-range.ts';

export type Run = {
  readonly context: PushContext;
  readonly hold: Hold;
  readonly subscription: Subscription;
  readonly target: PushTarget;
  /** Ends a delivery: the term is over, or the process is about to end. */
  readonly signal: AbortSignal;
  /** The pauses and resumptions that the run has seen. A later one wins over what its target says. */
  changes: number;
  /** The batching window of the next batch is over. */
  hasWaited: boolean;
};

/** `released`: the partition is, because the batch reached the end of the log. `ended`: another invocation goes on later. */
export type Step = 'go on' | 'caught up' | 'released' | 'ended';

/** The batch that is delivered next. The note is there if it has failed before, and its end is the end of the range then. */
export type Plan = Range & { readonly note: Note | undefined };

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

/**
 * There is nothing to read. If retention has passed the offset, the offset follows the log: otherwise it would stay below the end,
 * and each look after the release would begin another term.
 */
export async function atEnd(run: Run, { from, highWatermark }: Pick<Plan, 'from' | 'highWatermark'>): Promise<Step> {
  if (from <= run.hold.offset) return 'caught up';
  return commit(run, { from, highWatermark, note: undefined }, from);
}

/** The rest of a batch that was split is tried apart from what follows it. */
export function restOf(note: Note | undefined, offset: number, nowMs: number): Note | undefined {
  if (note?.outerEnd === undefined || note.outerEnd <= offset) return undefined;
  const { firstFailureMs, error, outerEnd } = note;
  return { endOffset: outerEnd, attempts: 0, firstFailureMs, nextTryMs: nowMs, error };
}

export function observe({ context, hold }: Run, kind: PushEvent['kind'], records: number, error?: string): void {
  const { groupId, topic, partition } = hold.invocation;
  context.observe?.({ kind, groupId, topic, partition, records, ...(error !== undefined && { error }) });
}
