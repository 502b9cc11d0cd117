// This checks whether committed offsets behaved as a register. There must be one order of all operations, each at some
// moment between its begin and its end, in which every read sees the last write. (This is linearizability, after Wing
// and Gong, with Lowe's memory of the states that were tried.) All partitions of a topic are one register, because they
// are written in one step.

export type OffsetsOperation = {
  /** A description for people. */
  readonly what: string;
  readonly kind: 'read' | 'write' | 'expiry';
  readonly begunMs: number;
  /**
   * Infinity means that the outcome was never known. Then the operation happened at any time, or never, and it writes
   * one partition.
   */
  readonly endedMs: number;
  /**
   * The value written, or (for all partitions) the value seen, by partition. An empty text means no offset. No two
   * writes write the same value.
   */
  readonly values: ReadonlyMap<number, string>;
  /** After this operation, no member with an earlier assignment may write there. */
  readonly fences?: boolean;
};

export type OffsetsRules = {
  readonly partitions: number;
  /** An expiry removes nothing that was written later than this long before the expiry ended. */
  readonly youngestMs: number;
};

/**
 * This is enough for hundreds of operations of a handful of clients. A history that needs more cannot be judged in
 * time.
 */
const mostStates = 1_000_000;

/** Returns an operation that fits in no order, or undefined when all fit. */
export function firstMisfit(all: readonly OffsetsOperation[], rules: OffsetsRules): OffsetsOperation | undefined {
  const operations = relevant(all).sort((a, b) => a.begunMs - b.begunMs || a.endedMs - b.endedMs);
  const search: Search = {
    operations,
    rules,
    begunMs: new Map(
      operations.flatMap(({ kind, values, begunMs }) =>
        kind === 'write' ? [...values.values()].map((value) => [value, begunMs] as const) : [],
      ),
    ),
    isDone: operations.map(() => false),
    tried: new Set(),
    done: 0,
    best: { done: -1, misfit: undefined },
  };
  const nothing = Array.from({ length: rules.partitions }, () => '');
  return completes(search, nothing, Number.NEGATIVE_INFINITY) ? undefined : search.best.misfit;
}

/** Leaves out each write that may not have happened and that no read saw, because it explains nothing. */
function relevant(all: readonly OffsetsOperation[]): OffsetsOperation[] {
  const seen = new Set(all.filter(({ kind }) => kind === 'read').flatMap(({ values }) => [...values.values()]));
  return all.filter(
    ({ endedMs, values }) => Number.isFinite(endedMs) || [...values.values()].some((value) => seen.has(value)),
  );
}

type Search = {
  readonly operations: readonly OffsetsOperation[];
  readonly rules: OffsetsRules;
  /** The begin of each write, by the value written. */
  readonly begunMs: ReadonlyMap<string, number>;
  readonly isDone: boolean[];
  readonly tried: Set<string>;
  done: number;
  best: { done: number; misfit: OffsetsOperation | undefined };
};

const mayBeLeftOut = (operation: OffsetsOperation) => operation.kind === 'expiry' || isUnknown(operation);

/**
 * Returns whether all remaining operations can follow this state. `lastBegunMs` is the latest begin among the ordered
 * ones.
 */
function completes(search: Search, state: readonly string[], lastBegunMs: number): boolean {
  const { operations, isDone } = search;
  const begin = isDone.indexOf(false);
  if (begin < 0) return true;
  const name = `${isDone.map(Number).join('').slice(begin)} ${begin} ${state.join(' ')}`;
  if (search.tried.has(name)) return false;
  if (search.tried.size >= mostStates)
    throw new Error(`undecided: ${search.best.misfit?.what}, after ${mostStates} states`);
  search.tried.add(name);
  const left = operations.filter((operation, i) => !isDone[i] && !mayBeLeftOut(operation));
  const firstEnd = left.reduce((first, each) => (each.endedMs < first.endedMs ? each : first), never);
  if (firstEnd === never) return true;
  if (search.done > search.best.done) search.best = { done: search.done, misfit: firstEnd };
  const latest = operations.findLastIndex(({ begunMs }) => begunMs <= firstEnd.endedMs);
  const window = Array.from({ length: latest + 1 - begin }, (_, i) => begin + i).filter((i) => !isDone[i]);
  const reads = window.map((i) => operations[i]!).filter(({ kind }) => kind === 'read');
  const possible = window.flatMap((i) => {
    const next = operations[i]!;
    if (next.endedMs < lastBegunMs || (isUnknown(next) && !isAwaited(next, reads))) return [];
    const after = stateAfter(search, state, next);
    return after ? [{ i, next, after }] : [];
  });
  // A read that fits changes nothing, and sees all partitions. So every operation that could follow now can do so
  // later.
  const read = possible.find(({ next }) => next.kind === 'read');
  const byUse = possible.toSorted((a, b) => Number(mayBeLeftOut(a.next)) - Number(mayBeLeftOut(b.next)));
  return (read ? [read] : byUse).some(({ i, next, after }) => {
    isDone[i] = true;
    search.done++;
    if (completes(search, after, Math.max(lastBegunMs, next.begunMs))) return true;
    isDone[i] = false;
    search.done--;
    return false;
  });
}

const isUnknown = ({ endedMs }: OffsetsOperation) => endedMs === Number.POSITIVE_INFINITY;

/** A write of unknown time may as well have happened just before the first read that saw it. */
const isAwaited = ({ values }: OffsetsOperation, reads: readonly OffsetsOperation[]) =>
  reads.some((read) => [...values].every(([partition, value]) => read.values.get(partition) === value));

const never: OffsetsOperation = {
  what: 'never',
  kind: 'read',
  begunMs: Number.POSITIVE_INFINITY,
  endedMs: Number.POSITIVE_INFINITY,
  values: new Map(),
};

/** Returns undefined when the operation cannot come now. */
function stateAfter(search: Search, state: readonly string[], next: OffsetsOperation): readonly string[] | undefined {
  const { kind, values, endedMs } = next;
  if (kind === 'read') return [...values].every(([partition, value]) => state[partition] === value) ? state : undefined;
  const after = state.map((value, partition) => values.get(partition) ?? value);
  if (kind === 'write') return after;
  const isOld = (value: string) => search.begunMs.get(value)! + search.rules.youngestMs <= endedMs;
  const removed = [...values.keys()].map((partition) => state[partition]!);
  return removed.every((value) => value !== '' && isOld(value)) ? after : undefined;
}
