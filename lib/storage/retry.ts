// Decorators that retry failed calls of the ports and remember that they did. They stand between the engine and the
// adapters, because an adapter tries exactly once.
// Bounds: API Gateway cuts a request at 30 s. A produce request makes one put and then, one after the other, the update of
// the head and sometimes a page and a trim. A new try starts only within `totalMs` of the first, so a call ends after at most
// totalMs + one try of the adapter (1.5 s table, 4 s objects, and 1 s more if hedged: hedge.ts). If everything goes wrong that
// is 6 + 4 + 1 + 3 * (4 + 1.5) = 27.5 s, and the caller still gets an answer that says what happened to the data.
// Invariant: in every answer, `doubtful` or `mayHaveActed` is true if any try may have acted without our knowledge.
import { type Clock, fullJitterMs } from '../runtime/clock.ts';
import type { ObjectStore } from './object-store.ts';
import { isTakenUnread, StorageError } from './storage-error.ts';
import type { Table } from './table.ts';

export type RetryOptions = {
  /** The number of tries, including the first: 1 or more. */
  readonly attempts: number;
  /** No try starts later than this after the start of the first. */
  readonly totalMs: number;
  /** The wait before a try is uniform in [0, min(capMs, baseMs * 2^n)). */
  readonly baseMs: number;
  readonly capMs: number;
  /** Called before each try after the first. */
  readonly onRetry?: () => void;
};

/** Conflicts on a hot item pass within some ten milliseconds. A throttled table takes seconds to split. */
const tableRetry: RetryOptions = { attempts: 8, totalMs: 4_000, baseMs: 25, capMs: 1_000 };
/** S3 answers 503 while it splits a prefix that has become hot, and that takes some time. */
const objectRetry: RetryOptions = { attempts: 8, totalMs: 6_000, baseMs: 50, capMs: 2_000 };

type Clocks = Pick<Clock, 'monotonic' | 'sleep' | 'random'>;

/** Defaults: 8 tries within 4 s. A write's result is `doubtful` if an earlier try of it may have acted. */
export function retryingTable(table: Table, clock: Clocks, options: Partial<RetryOptions> = {}): Table {
  const settings = { ...tableRetry, ...options };
  const send = resender(clock, settings);
  return {
    get: async (key, how) => (await send(() => table.get(key, how))).value,
    getMany: async (keys, how) => {
      const { value } = await send(() => table.getMany(keys, how));
      // DynamoDB mostly leaves keys because it is throttled, and the caller asks for them next.
      if (value.left.length > 0) await clock.sleep(fullJitterMs(clock, 0, settings.baseMs, settings.capMs));
      return value;
    },
    query: async (query) => (await send(() => table.query(query))).value,
    write: async (write, { onThrottle = 'send again' } = {}) => {
      const isFinal = (error: StorageError) => onThrottle === 'throw' && error.reason === 'throttled';
      const { value, doubtful } = await send(() => table.write(write), isFinal);
      return doubtful ? { ...value, doubtful } : value;
    },
    transact: async (actions, token, { onConflict = 'send again' } = {}) => {
      const isFinal = (error: StorageError) => onConflict === 'throw' && error.reason === 'conflict';
      return (await send(() => table.transact(actions, token), isFinal)).value;
    },
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

function resender(clock: Clocks, { attempts, totalMs, baseMs, capMs, onRetry }: RetryOptions) {
  return async <T>(
    send: () => Promise<T>,
    isFinal: (error: StorageError) => boolean = () => false,
  ): Promise<{ value: T; doubtful: boolean }> => {
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
        if (!error.retriable || isFinal(error) || attempt + 1 >= attempts || !inTime) throw withDoubt(error, doubtful);
        await clock.sleep(waitMs);
        onRetry?.();
      }
    }
  };
}

/** The same failure, of a request that had other tries or copies. */
export function withDoubt(error: StorageError, mayHaveActed: boolean): StorageError {
  if (error.mayHaveActed === mayHaveActed) return error;
  return new StorageError(error.reason, error.message, { cause: error, mayHaveActed });
}
