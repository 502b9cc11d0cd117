// A term that a run holds: the writes of its partition, one after the other, each with the next number. A refused write says that
// another run, a creation or a reset has the partition. Nothing may be written after that.
//
// Invariant: a write of the term is applied only while the item names the term, and never after a later write of the term. The
// lease is renewed beside the work. It saves others from delivering the same batch, and no more.
import type { PushInvocation } from '../../api/push.ts';
import type { Note } from '../../group/items/failure-note.ts';
import {
  changeInRun,
  inRun,
  type Ownership,
  ownershipOf,
  type RunChange,
  updateOf,
} from '../../group/items/ownership.ts';
import { StorageError } from '../../storage/storage-error.ts';
import type { PushContext } from '../context.ts';

/** A lease outlives two renewals that fail. */
export const leaseMs = 45_000;
const renewalMs = 15_000;

/** Thrown where the partition has another owner. That one goes on, so the run ends without an error. */
export class TermIsOver extends Error {}

export type Hold = {
  readonly invocation: PushInvocation;
  readonly owner: string;
  /** The epoch of the last creation or reset. */
  readonly epoch: number;
  /** The committed offset. */
  readonly offset: number;
  readonly note: Note | undefined;
  /** Aborts when a renewal finds that the term is over. */
  readonly signal: AbortSignal;
  /** Throws TermIsOver. Without `leaseUntilMs` the lease begins again. */
  write(change: Partial<RunChange>): Promise<void>;
  /** Ends the renewals. */
  end(): void;
};

type State = { seq: number; offset: number; note: Note | undefined; writtenMs: number; turn: Promise<unknown> };

export function createHold(context: PushContext, invocation: PushInvocation, owner: string, taken: Ownership): Hold {
  const { clock } = context;
  const over = new AbortController();
  const state: State = {
    ...{ seq: 0, offset: taken.offset ?? 0, note: taken.note, writtenMs: clock.monotonic(), turn: Promise.resolve() },
  };
  let isEnded = false;
  const ended = new AbortController();

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = state.turn.then(work);
    state.turn = turn.catch(() => undefined);
    return turn;
  };
  const write = (change: Partial<RunChange>) => put(context, invocation, owner, state, change);
  const isDue = () => !isEnded && clock.monotonic() - state.writtenMs >= renewalMs;
  /** It looks when its turn has come: the write before it may be the release, after which a lease would keep every run away. */
  const renew = async (): Promise<void> => {
    if (isDue()) await write({});
  };
  const keep = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(renewalMs, ended.signal);
      if (isEnded) return;
      if (isDue()) await inTurn(renew).catch(heeded);
    }
  };
  /** A renewal that fails is tried again with the next one. */
  const heeded = (error: unknown) => {
    if (error instanceof StorageError) return;
    isEnded = true;
    over.abort(error);
  };
  void keep();

  return {
    invocation,
    owner,
    epoch: taken.term,
    get offset() {
      return state.offset;
    },
    get note() {
      return state.note;
    },
    signal: over.signal,
    write: (change) => inTurn(() => write(change)),
    end() {
      isEnded = true;
      ended.abort();
    },
  };
}

async function put(
  { table, clock }: PushContext,
  { groupId, topic, topicId, partition }: PushInvocation,
  owner: string,
  state: State,
  { leaseUntilMs = clock.now() + leaseMs, ...rest }: Partial<RunChange>,
): Promise<void> {
  const seq = ++state.seq;
  const change = { leaseUntilMs, ...rest };
  const isOursAndNew = inRun(partition, owner, seq);
  const item = { topic, topicId, partitions: [partition] };
  const write = updateOf(groupId, item, [isOursAndNew], [changeInRun(partition, seq, change)]);
  const result = await table.write(write);
  if (!result.applied && !hasLanded(ownershipOf(result.old, partition), owner, seq)) throw new TermIsOver();
  state.writtenMs = clock.monotonic();
  if (rest.commit) state.offset = rest.commit.offset;
  if (rest.note) state.note = rest.note === 'none' || 'windowUntilMs' in rest.note ? undefined : rest.note;
}

/** An earlier try of the write was applied, and its reply was lost. */
const hasLanded = (stored: Ownership, owner: string, seq: number): boolean =>
  stored.owner === owner && stored.commitSeq === seq;
