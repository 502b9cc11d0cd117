// Sends again what is worth sending again, and remembers that it did: the decorators that stand between the engine and the
// adapters, which try exactly once.
// Bounds: API Gateway cuts a request at 30 s, and a produce request is one put and then, in a row, the update of the head
// and now and then a page and a trim. A new try starts only within `totalMs` of the first, so a call ends after at most
// totalMs + one try of the adapter (1.5 s table, 4 s objects): 6 + 4 + 3 * (4 + 1.5) = 26.5 s when everything goes wrong, and
// then the caller still gets an answer that says what happened to the data.
// Invariant: whatever is answered, `doubtful` or `mayHaveActed` is true if any try may have acted without our knowing.
import { type Clock, fullJitterMs } from '../runtime/clock.ts';
import type { ObjectStore } from './object-store.ts';
import { StorageError } from './storage-error.ts';
import type { Table } from './table.ts';

export type RetryOptions = {
  /** Tries in all, the first included; 1 or more. */
  readonly attempts: number;
  /** No try starts later than this after the first. */
  readonly totalMs: number;
  /** Waits are uniform in [0, min(capMs, baseMs * 2^n)). */
  readonly baseMs: number;
  readonly capMs: number;
  /** Told before each try after the first. */
  readonly onRetry?: () => void;
};

/** A hot item's conflicts pass within some ten milliseconds; a throttled table takes seconds to split. */
const tableRetry: RetryOptions = { attempts: 8, totalMs: 4_000, baseMs: 25, capMs: 1_000 };
/** S3 answers 503 while it spreads a prefix that has become hot, which takes a while. */
const objectRetry: RetryOptions = { attempts: 8, totalMs: 6_000, baseMs: 50, capMs: 2_000 };

type Clocks = Pick<Clock, 'monotonic' | 'sleep' | 'random'>;

/** Defaults: 8 tries within 4 s. A write's result is `doubtful` when an earlier try of it got no answer. */
export function retryingTable(table: Table, clock: Clocks, options: Partial<RetryOptions> = {}): Table {
  const send = resender(clock, { ...tableRetry, ...options });
  return {
    get: async (key, how) => (await send(() => table.get(key, how))).value,
    query: async (query) => (await send(() => table.query(query))).value,
    write: async (write) => {
      const { value, doubtful } = await send(() => table.write(write));
      return doubtful ? { ...value, doubtful } : value;
    },
    transact: async (actions, token) => (await send(() => table.transact(actions, token))).value,
  };
}

/** Defaults: 8 tries within 6 s. */
export function retryingObjectStore(
  store: ObjectStore,
  clock: Clocks,
  options: Partial<RetryOptions> = {},
): ObjectStore {
  const send = resender(clock, { ...objectRetry, ...options });
  return {
    async putOnce(key, chunks) {
      let mayBeOurs = false;
      await send(async () => {
        try {
          await store.putOnce(key, chunks);
        } catch (error) {
          if (mayBeOurs && isTakenUnread(error)) return;
          mayBeOurs ||= error instanceof StorageError && error.mayHaveActed;
          throw error;
        }
      });
    },
    get: async (key, range) => (await send(() => store.get(key, range))).value,
    list: async (request) => (await send(() => store.list(request))).value,
    delete: async (keys) => (await send(() => store.delete(keys))).value,
  };
}

/**
 * Who may write and not read cannot compare what is there. Names are used by one put alone (64 random bits), so what is
 * there after a try of ours that got no answer is ours.
 */
const isTakenUnread = (error: unknown) =>
  error instanceof StorageError && error.reason === 'exists' && error.mayHaveActed;

function resender(clock: Clocks, { attempts, totalMs, baseMs, capMs, onRetry }: RetryOptions) {
  return async <T>(send: () => Promise<T>): Promise<{ value: T; doubtful: boolean }> => {
    const startMs = clock.monotonic();
    let doubtful = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return { value: await send(), doubtful };
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        doubtful ||= error.mayHaveActed;
        const waitMs = fullJitterMs(clock, attempt, baseMs, capMs);
        const inTime = clock.monotonic() - startMs + waitMs <= totalMs;
        if (!error.retriable || attempt + 1 >= attempts || !inTime) throw withDoubt(error, doubtful);
        await clock.sleep(waitMs);
        onRetry?.();
      }
    }
  };
}

function withDoubt(error: StorageError, mayHaveActed: boolean): StorageError {
  if (error.mayHaveActed === mayHaveActed) return error;
  return new StorageError(error.reason, error.message, { cause: error, mayHaveActed });
}
