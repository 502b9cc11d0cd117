// Walks through the records of some partitions, from the newest or from the oldest, and keeps those that match.
//
// A step reads a range of offsets of one partition, and the first step some of all partitions. The next step goes to the
// partition that is farthest behind in time, so that the walk moves through all of them together. With a filter, several
// steps are under way at once, and they grow quickly.
//
// Invariants: every offset between the bounds is looked at once, however often the walk is stopped, and whatever is compacted
// or deleted meanwhile. Without a filter, `rows` goes only as far as no partition can add a row in between.
import { limits } from '../../lib/api/limits.ts';
import { type Asked, fetchAll } from './fetch-rows.ts';
import { alone, type Range, type Row } from './row.ts';

export type Order = 'newest' | 'oldest';

/** Resolves with the rows that are to be kept. */
export type Matcher = (rows: readonly Row[], signal: AbortSignal) => Promise<readonly Row[]> | readonly Row[];

/** `recordBytes` is what a record of the partition takes on average. */
export type ScanRange = Range & { readonly recordBytes: number };

export type ScanOptions = Pick<Asked, 'topic' | 'needle'> & {
  readonly order: Order;
  readonly ranges: readonly ScanRange[];
  readonly matcher: Matcher | undefined;
  /** Called after every step. */
  readonly onProgress: () => void;
};

export type Progress = {
  readonly scanned: number;
  readonly total: number;
  readonly found: number;
  readonly done: boolean;
};

type Cursor = {
  readonly partition: number;
  readonly recordBytes: number;
  /** No step has taken these offsets yet. */
  from: number;
  to: number;
  /** Steps have taken these ranges, and were stopped before they had read them. */
  readonly returned: Range[];
  /** The time that the walk has reached. Undefined before the first step. */
  timeMs: number | undefined;
  stepOffsets: number;
  stepsUnderWay: number;
};

const steps = { unfiltered: 1, filtered: 4 } as const;
const mostOffsets = { unfiltered: 500, filtered: 20_000 } as const;
/** The first step asks each partition for some of so many records. */
const firstRecords = 400;
/** Each step makes the next one of its partition larger, up to a whole answer: a small one costs as many round trips. */
const growth = { unfiltered: 2, filtered: 8 } as const;

export class Scan {
  readonly #options: ScanOptions;
  readonly #mode: 'filtered' | 'unfiltered';
  readonly #cursors: readonly Cursor[];
  readonly #total: number;
  #rows: Row[] = [];
  #scanned = 0;

  constructor(options: ScanOptions) {
    const { matcher, ranges } = options;
    this.#options = options;
    this.#mode = matcher ? 'filtered' : 'unfiltered';
    const first = Math.min(50, Math.max(5, Math.ceil(firstRecords / Math.max(1, ranges.length))));
    this.#cursors = ranges.map((range) => {
      const stepOffsets = this.#bounded(first, range);
      return { ...range, returned: [], timeMs: undefined, stepOffsets, stepsUnderWay: 0 };
    });
    this.#total = ranges.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  }

  /** The rows that are kept, in the order of the walk. */
  get rows(): readonly Row[] {
    return this.#mode === 'filtered' ? this.#rows : this.#rows.slice(0, this.#certain());
  }

  get progress(): Progress {
    const done = !this.#cursors.some((one) => isLeft(one) || one.stepsUnderWay > 0);
    return { scanned: this.#scanned, total: this.#total, found: this.#rows.length, done };
  }

  /** Walks on until `rows` has so many, the bounds are reached, or the signal stops it. It may be called again then. */
  async run(untilRows: number, signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const underWay = new Set<Promise<void>>();
    const begin = (cursors: readonly Cursor[]): void => {
      const step = this.#step(cursors, AbortSignal.any([signal, stop.signal])).finally(() => underWay.delete(step));
      underWay.add(step);
    };
    try {
      for (;;) {
        while (!signal.aborted && underWay.size < steps[this.#mode] && this.rows.length < untilRows) {
          const cursors = this.#next();
          if (cursors.length === 0) break;
          begin(cursors);
        }
        if (underWay.size === 0) return;
        await Promise.race(underWay);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      stop.abort();
      await Promise.allSettled(underWay);
    }
  }

  /** The cursors of the next step: all that were never read, or else the one that is farthest behind in time. */
  #next(): readonly Cursor[] {
    const left = this.#cursors.filter(isLeft);
    const unread = left.filter(({ timeMs, stepsUnderWay }) => timeMs === undefined && stepsUnderWay === 0);
    if (unread.length > 0) return unread.slice(0, limits.fetchPartitions);
    const read = left.filter(({ timeMs }) => timeMs !== undefined);
    return read.sort((a, b) => this.#sign() * (a.timeMs! - b.timeMs!)).slice(0, 1);
  }

  async #step(cursors: readonly Cursor[], signal: AbortSignal): Promise<void> {
    const ranges = cursors.map((cursor) => this.#take(cursor));
    try {
      await this.#read(cursors, ranges, signal);
    } catch (error) {
      for (const [at, cursor] of cursors.entries()) cursor.returned.push(ranges[at]!);
      throw error;
    } finally {
      for (const cursor of cursors) cursor.stepsUnderWay--;
    }
    for (const cursor of cursors) cursor.stepOffsets = this.#bounded(cursor.stepOffsets * growth[this.#mode], cursor);
    this.#options.onProgress();
  }

  #take(cursor: Cursor): Range {
    cursor.stepsUnderWay++;
    const returned = cursor.returned.pop();
    if (returned) return returned;
    const { partition, from, to, stepOffsets } = cursor;
    const taken = Math.min(to - from, stepOffsets);
    if (this.#options.order === 'newest') {
      cursor.to -= taken;
      return { partition, from: cursor.to, to };
    }
    cursor.from += taken;
    return { partition, from, to: cursor.from };
  }

  /** Nothing of a step counts before all of it is read: otherwise rows would come twice when it is repeated. */
  async #read(cursors: readonly Cursor[], ranges: readonly Range[], signal: AbortSignal): Promise<void> {
    const { topic, needle, matcher } = this.#options;
    const found: Row[] = [];
    const times = new Map<number, number>();
    await fetchAll({ topic, needle, signal }, ranges, async (some) => {
      for (const one of some) {
        // Without a filter the place of a row depends on exact times. With one, most rows are never made.
        const reached = matcher ? one.batchTimes : one.rows.map(({ timestamp }) => timestamp);
        for (const time of reached) times.set(one.partition, this.#later(times.get(one.partition), time));
      }
      const rows = some.flatMap((one) => one.rows);
      const kept = matcher ? (await matcher(rows, signal)).map(alone) : rows;
      for (const row of kept) found.push(row);
    });
    signal.throwIfAborted();
    for (const [at, cursor] of cursors.entries()) {
      const { from, to } = ranges[at]!;
      this.#scanned += to - from;
      // A range may hold no record, because it was compacted. The walk is then where it was.
      cursor.timeMs = this.#later(cursor.timeMs, times.get(cursor.partition) ?? this.#edge());
    }
    this.#insert(found);
  }

  #insert(found: readonly Row[]): void {
    if (found.length === 0) return;
    const sign = this.#sign();
    // Within one partition the offsets are the order, whatever times its producers gave.
    const isOne = this.#cursors.length === 1;
    this.#rows = [...this.#rows, ...found].sort(
      (a, b) =>
        (isOne ? 0 : sign * (a.timestamp - b.timestamp) || a.partition - b.partition) || sign * (a.offset - b.offset),
    );
  }

  /** The number of rows that have their place: those up to the time that every unfinished partition has reached. */
  #certain(): number {
    const open = this.#cursors.filter((one) => isLeft(one) || one.stepsUnderWay > 0);
    if (open.length === 0 || this.#cursors.length === 1) return this.#rows.length;
    const sign = this.#sign();
    const reached = open.map(({ timeMs }) => timeMs ?? this.#edge()).sort((a, b) => sign * (a - b))[0]!;
    const first = this.#rows.findIndex(({ timestamp }) => sign * (timestamp - reached) > 0);
    return first < 0 ? this.#rows.length : first;
  }

  #bounded(offsets: number, { recordBytes }: Pick<ScanRange, 'recordBytes'>): number {
    const fit = Math.floor(limits.fetchBytes / (this.#mode === 'filtered' ? 1 : 4) / Math.max(1, recordBytes));
    return Math.max(1, Math.min(offsets, fit, mostOffsets[this.#mode]));
  }

  #sign = (): 1 | -1 => (this.#options.order === 'newest' ? -1 : 1);
  /** The time at which the walk begins. */
  #edge = (): number => (this.#options.order === 'newest' ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER);

  /** The later one in the order of the walk. */
  #later(one: number | undefined, other: number): number {
    if (one === undefined) return other;
    return this.#options.order === 'newest' ? Math.min(one, other) : Math.max(one, other);
  }
}

const isLeft = ({ from, to, returned }: Cursor): boolean => from < to || returned.length > 0;
