// A decorator that sends a slow PUT or GET a second time, with the same name and bytes. The first answer wins, and the other
// copy is aborted before the caller goes on. S3 answers one call in some thousands only after seconds, and the second copy
// mostly meets a server that is well.
// It stands inside the retries, so that each try may be hedged, and outside the counters, so that both copies count.
// Invariant: a caller cannot tell a hedged call from a single one. Two conditional PUTs of one name may answer 412 or 409.
// 412 after our own second copy means that one of ours landed; 409 means that the other copy has to answer. A copy that lands
// late is harmless for the reason why that of a retry is: the object has the same bytes, and the epoch in its name tells a
// sweep how long it must wait.
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from './object-store.ts';
import { withDoubt } from './retry.ts';
import { isTakenUnread, StorageError } from './storage-error.ts';

export type HedgeOptions = {
  /** Until a size class has this many samples, its fixed threshold holds. */
  readonly leastSamples: number;
  /** A number of requests earns one hedge. 20 keeps an outage from raising the load by more than 5 %. */
  readonly requestsPerHedge: number;
  /** Called when a second copy is sent. */
  readonly onHedge: () => void;
};

const defaults: HedgeOptions = { leastSamples: 100, requestsPerHedge: 20, onHedge: () => {} };

/**
 * S3 takes equally long for all objects up to half a megabyte, and then longer by size. The fixed thresholds are above the
 * published p99. Larger objects are not hedged: only maintenance has them, for which nobody waits.
 */
const sizeClasses: readonly SizeClass[] = [
  { mostBytes: 2 ** 19, fixedMs: 200 },
  { mostBytes: 2 ** 21, fixedMs: 250 },
  { mostBytes: 2 ** 23, fixedMs: 400 },
];
type SizeClass = { readonly mostBytes: number; readonly fixedMs: number };

const SLOW_SHARE = 0.95;
const SAMPLES_KEPT = 512;
/** The bound of a call in retry.ts grows by this: the second copy may take as long as a whole try. */
const LONGEST_WAIT_MS = 1_000;
/** An environment that did well for long may hedge this many requests in a row. */
const MOST_HEDGES_SAVED = 10;

type Clocks = Pick<Clock, 'monotonic' | 'sleep'>;
type Send<T> = (signal?: AbortSignal) => Promise<T>;

export function hedgingObjectStore(
  store: ObjectStore,
  clock: Clocks,
  options: Partial<HedgeOptions> = {},
): ObjectStore {
  const settings = { ...defaults, ...options };
  const budget = newBudget(settings.requestsPerHedge);
  const hedgerFor = () => newHedger(clock, budget, settings);
  const [put, get] = [hedgerFor(), hedgerFor()];
  return {
    ...store,
    putOnce(key, chunks) {
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
      let copies = 0;
      return put(bytes, async (signal) => {
        copies++;
        try {
          await store.putOnce(key, chunks, { signal });
        } catch (error) {
          const landedAsCopy = copies > 1 && isTakenUnread(error);
          if (!landedAsCopy) throw error;
        }
      });
    },
    get(key, range) {
      const bytes = range ? range.to - range.from : Number.POSITIVE_INFINITY;
      return get(bytes, (signal) => store.get(key, range, { signal }));
    },
  };
}

/** Returns the function that sends requests of one kind: puts and gets differ in how long they take. */
function newHedger(clock: Clocks, budget: Budget, { leastSamples, onHedge }: HedgeOptions) {
  const classes = sizeClasses.map((size) => ({ ...size, durations: newDurations(leastSamples, size.fixedMs) }));
  return async <T>(bytes: number, send: Send<T>): Promise<T> => {
    const durations = classes.find(({ mostBytes }) => bytes <= mostBytes)?.durations;
    if (!durations) return send();
    budget.earn();
    const startMs = clock.monotonic();
    const isSlow = async () => {
      await clock.sleep(durations.slowMs());
      return true;
    };
    const answer = await firstAnswer(send, isSlow, () => {
      const mayHedge = budget.spend();
      if (mayHedge) onHedge();
      return mayHedge;
    });
    durations.add(clock.monotonic() - startMs);
    return answer;
  };
}

/** Throws when every copy that was sent has failed. */
async function firstAnswer<T>(send: Send<T>, isSlow: () => Promise<boolean>, mayHedge: () => boolean): Promise<T> {
  const copies = new AbortController();
  const first = send(copies.signal);
  const ended = first.then(
    () => false,
    () => false,
  );
  const second = async () => {
    const mustHedge = (await Promise.race([ended, isSlow()])) && mayHedge();
    return mustHedge ? send(copies.signal) : first;
  };
  try {
    return await Promise.any([first, second()]);
  } catch (error) {
    throw failureOf((error as AggregateError).errors);
  } finally {
    copies.abort();
  }
}

/** A conflict (409) says no more than that the other copy was under way, so the other failure tells more. */
function failureOf([first, second]: readonly unknown[]): unknown {
  if (!(first instanceof StorageError && second instanceof StorageError)) return first;
  const telling = first.reason === 'conflict' ? second : first;
  return withDoubt(telling, first.mayHaveActed || second.mayHaveActed);
}

// --- when a request is slow

/**
 * Keeps how long the last calls took, until the first answer. A hedged call took longer than the threshold too, so hedging
 * does not move the percentile.
 */
function newDurations(leastSamples: number, fixedMs: number) {
  const kept = new Float64Array(SAMPLES_KEPT);
  let seen = 0;
  return {
    add: (ms: number) => {
      kept[seen++ % SAMPLES_KEPT] = ms;
    },
    slowMs(): number {
      if (seen < leastSamples) return fixedMs;
      const sorted = kept.slice(0, seen).sort();
      return Math.min(LONGEST_WAIT_MS, sorted[Math.floor(sorted.length * SLOW_SHARE)]!);
    },
  };
}

type Budget = ReturnType<typeof newBudget>;

/** A process may hedge one request before it has earned anything, because a new environment serves few. */
function newBudget(requestsPerHedge: number) {
  let earned = requestsPerHedge;
  return {
    earn: () => {
      earned = Math.min(earned + 1, MOST_HEDGES_SAVED * requestsPerHedge);
    },
    spend(): boolean {
      const isWithinBudget = earned >= requestsPerHedge;
      if (isWithinBudget) earned -= requestsPerHedge;
      return isWithinBudget;
    },
  };
}
