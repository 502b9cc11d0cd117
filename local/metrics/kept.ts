// Keeps the result of an expensive read for a while, so that it does not matter how often somebody asks. One read is under
// way at a time. A caller waits for it only so long, and then gets the older result.
import type { Clock } from '../../lib/runtime/clock.ts';

export type KeptValue<T> = { readonly value: T; readonly readMs: number };

export type Kept<T> = {
  /** Undefined if no read has succeeded yet. It never rejects. */
  get(): Promise<KeptValue<T> | undefined>;
  failures(): number;
  /** Resolves when no read is under way. None begins after this. */
  end(): Promise<void>;
};

type Options = {
  readonly keptMs: number;
  readonly waitMs: number;
  readonly clock: Pick<Clock, 'monotonic'>;
};

export function createKept<T>(read: () => Promise<T>, { keptMs, waitMs, clock }: Options): Kept<T> {
  let latest: KeptValue<T> | undefined;
  let underWay: Promise<void> | undefined;
  let failures = 0;
  let isEnded = false;

  async function renew(): Promise<void> {
    try {
      const value = await read();
      latest = { value, readMs: clock.monotonic() };
    } catch {
      failures += 1;
    } finally {
      underWay = undefined;
    }
  }

  return {
    async get() {
      const isFresh = latest !== undefined && clock.monotonic() - latest.readMs < keptMs;
      if (isFresh || isEnded) return latest;
      underWay ??= renew();
      await within(underWay, waitMs);
      return latest;
    },
    failures: () => failures,
    async end() {
      isEnded = true;
      await underWay;
    },
  };
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
