import { describe, expect, test } from 'vitest';
import { countHedge, countingObjectStore, newCounters, withReceipt } from '../../lib/storage/count.ts';
import { type HedgeOptions, hedgingObjectStore } from '../../lib/storage/hedge.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { retryingObjectStore } from '../../lib/storage/retry.ts';
import { StorageError, type StorageReason } from '../../lib/storage/storage-error.ts';
import { createScheduler, type Scheduler } from '../sim/core/scheduler.ts';

const bytes = new TextEncoder().encode('segment');
const range = { from: 0, to: 7 };

/** How one copy ends: after this time, with its answer or with this failure. */
type Ending = { readonly afterMs: number; readonly fails?: StorageReason; readonly mayHaveActed?: boolean };

/** Each copy ends as the next entry says, and later ones as the last entry. A function says it by the number of the copy. */
type Script = readonly Ending[] | ((copy: number) => Ending);

/** Nothing heeds the signal, as in the worst case. */
function scripted(scheduler: Scheduler, script: Script) {
  const copies: { readonly atMs: number; readonly signal: AbortSignal | undefined }[] = [];
  const endingOf = (copy: number) =>
    typeof script === 'function' ? script(copy) : script[Math.min(copy, script.length - 1)]!;
  const play = async <T>(answer: (copy: number) => T, signal?: AbortSignal): Promise<T> => {
    const copy = copies.push({ atMs: scheduler.now(), signal }) - 1;
    const { afterMs, fails, mayHaveActed } = endingOf(copy);
    await new Promise<void>((resolve) => scheduler.after(afterMs, resolve));
    if (fails) throw new StorageError(fails, `copy ${copy}`, mayHaveActed === undefined ? {} : { mayHaveActed });
    return answer(copy);
  };
  const store: ObjectStore = {
    putOnce: (_key, _chunks, options) => play(() => undefined, options?.signal),
    get: (_key, _range, options) => play((copy) => Uint8Array.of(copy), options?.signal),
    list: () => play(() => ({ objects: [], more: false })),
    delete: () => play(() => undefined),
  };
  return { store, copies };
}

const clockOf = (scheduler: Scheduler) => ({
  monotonic: scheduler.now,
  sleep: (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, resolve)),
  random: () => 0.5,
});

function setUp(script: Script, options: Partial<HedgeOptions> = {}) {
  const scheduler = createScheduler(0);
  const { store, copies } = scripted(scheduler, script);
  const totals = newCounters();
  const onHedge = () => countHedge(totals);
  const hedged = hedgingObjectStore(countingObjectStore(store, totals), clockOf(scheduler), { onHedge, ...options });
  /** Runs the call to its end. @returns its outcome, and when it came. */
  const outcome = async <T>(call: (store: ObjectStore) => Promise<T>, over = hedged) => {
    let ended: { value?: T; error?: unknown; atMs: number } | undefined;
    await Promise.resolve();
    call(over).then(
      (value) => {
        ended = { value, atMs: scheduler.now() };
      },
      (error: unknown) => {
        ended = { error, atMs: scheduler.now() };
      },
    );
    expect(await scheduler.run(() => ended !== undefined, 10_000)).toBe(true);
    return ended!;
  };
  return { hedged, outcome, copies, totals, scheduler };
}

const put = (store: ObjectStore) => store.putOnce('k', [bytes]);
const get = (store: ObjectStore) => store.get('k', range);

describe('a slow request', () => {
  test.each([
    ['put', put],
    ['get', get],
  ])('is sent a second time at the fixed threshold, and the first answer wins: %s', async (_, call) => {
    const { outcome, copies, totals } = setUp([{ afterMs: 2_000 }, { afterMs: 30 }]);
    expect((await outcome<unknown>(call)).atMs).toBe(230);
    expect(copies.map(({ atMs }) => atMs)).toEqual([0, 200]);
    expect(totals.hedges).toBe(1);
  });

  test('takes the answer of the first copy, if that comes first', async () => {
    const { outcome, copies } = setUp([{ afterMs: 220 }, { afterMs: 100 }]);
    expect(await outcome(get)).toMatchObject({ value: Uint8Array.of(0), atMs: 220 });
    expect(copies).toHaveLength(2);
  });

  test('that answers before the threshold is sent once', async () => {
    const { outcome, copies, totals } = setUp([{ afterMs: 199 }]);
    expect((await outcome(get)).atMs).toBe(199);
    expect([copies.length, totals.hedges]).toEqual([1, 0]);
  });

  test('is aborted before its caller goes on, and is in the receipt that the caller then reads', async () => {
    const { outcome, copies } = setUp([{ afterMs: 2_000 }, { afterMs: 30 }]);
    const { value } = await outcome(async (store) => {
      const { counters } = await withReceipt(async () => {
        await store.putOnce('k', [bytes]);
        expect(copies[0]!.signal?.aborted).toBe(true);
      });
      return { ...counters };
    });
    expect(value).toEqual({ ...newCounters(), s3Put: 2, bytesUp: 14, hedges: 1 });
  });

  test('of more than 8 MiB, or of unknown size, is never hedged', async () => {
    const { outcome, copies } = setUp([{ afterMs: 3_000 }]);
    await outcome((store) => store.putOnce('k', [new Uint8Array(2 ** 23), bytes]));
    await outcome((store) => store.get('k', { from: 0, to: 2 ** 23 + 1 }));
    await outcome((store) => store.get('k'));
    expect(copies).toHaveLength(3);
  });
});

describe('when one copy fails', () => {
  test.each<StorageReason>(['conflict', 'no-answer', 'unavailable', 'throttled'])(
    'the other one is waited for: the second ends with %s',
    async (fails) => {
      const { outcome } = setUp([{ afterMs: 900 }, { afterMs: 10, fails }]);
      expect(await outcome(get)).toMatchObject({ value: Uint8Array.of(0), atMs: 900 });
    },
  );

  test.each<StorageReason>(['conflict', 'no-answer'])(
    'the other one is waited for: the first ends with %s',
    async (fails) => {
      const { outcome } = setUp([{ afterMs: 210, fails }, { afterMs: 500 }]);
      expect((await outcome(put)).atMs).toBe(700);
    },
  );

  test('before the threshold, it is no matter of hedging', async () => {
    const { outcome, copies } = setUp([{ afterMs: 10, fails: 'unavailable' }]);
    expect(await outcome(put)).toMatchObject({ error: { reason: 'unavailable' }, atMs: 10 });
    expect(copies).toHaveLength(1);
  });
});

describe('when both copies fail', () => {
  test('a conflict gives way to the failure that tells more', async () => {
    const first = setUp([
      { afterMs: 300, fails: 'conflict' },
      { afterMs: 10, fails: 'denied' },
    ]);
    expect((await first.outcome(put)).error).toMatchObject({ reason: 'denied', mayHaveActed: false });
    const second = setUp([
      { afterMs: 300, fails: 'no-answer' },
      { afterMs: 10, fails: 'conflict' },
    ]);
    expect((await second.outcome(put)).error).toMatchObject({ reason: 'no-answer', mayHaveActed: true });
  });

  test('either of them may have acted', async () => {
    const { outcome } = setUp([
      { afterMs: 300, fails: 'throttled' },
      { afterMs: 10, fails: 'no-answer' },
    ]);
    expect((await outcome(put)).error).toMatchObject({ reason: 'throttled', mayHaveActed: true });
  });

  test('with conflicts, the put is sent again, and its caller sees none', async () => {
    const conflict = { afterMs: 250, fails: 'conflict' } as const;
    const { hedged, outcome, copies, scheduler } = setUp([conflict, { ...conflict, afterMs: 20 }, { afterMs: 5 }]);
    const { error } = await outcome(put, retryingObjectStore(hedged, clockOf(scheduler)));
    expect([error, copies.length]).toEqual([undefined, 3]);
  });
});

describe('an object that is there and may not be read', () => {
  const taken = { fails: 'exists', mayHaveActed: true } as const;

  test('is ours after our own second copy, whichever copy finds it', async () => {
    const second = setUp([{ afterMs: 2_000 }, { afterMs: 10, ...taken }]);
    expect(await second.outcome(put)).toMatchObject({ value: undefined, atMs: 210 });
    const first = setUp([{ afterMs: 210, ...taken }, { afterMs: 2_000 }]);
    expect(await first.outcome(put)).toMatchObject({ value: undefined, atMs: 210 });
  });

  test('is not ours if it was there before the second copy', async () => {
    const { outcome } = setUp([{ afterMs: 20, ...taken }]);
    expect((await outcome(put)).error).toMatchObject({ reason: 'exists' });
  });

  test('and that surely holds other bytes is never ours', async () => {
    const other = { fails: 'exists', mayHaveActed: false } as const;
    const { outcome } = setUp([
      { afterMs: 300, ...other },
      { afterMs: 10, ...other },
    ]);
    expect((await outcome(put)).error).toMatchObject({ reason: 'exists', mayHaveActed: false });
  });
});

describe('the threshold', () => {
  test('is the 95th percentile of the last calls, once there are 100', async () => {
    const durations = Array.from({ length: 100 }, (_, i) => ({ afterMs: 1 + i }));
    const { outcome, copies } = setUp([...durations, { afterMs: 5_000 }, { afterMs: 10 }]);
    for (let i = 0; i < 99; i++) await outcome(get);
    await outcome(get);
    const { atMs } = await outcome(get);
    expect(copies).toHaveLength(102);
    expect(copies[101]!.atMs - copies[100]!.atMs).toBe(96);
    expect(atMs - copies[100]!.atMs).toBe(106);
  });

  test('is kept for each size class', async () => {
    const { outcome, copies } = setUp([...Array.from({ length: 100 }, () => ({ afterMs: 10 })), { afterMs: 5_000 }]);
    for (let i = 0; i < 100; i++) await outcome(put);
    const large = new Uint8Array(2 ** 20);
    await outcome((store) => store.putOnce('k', [large]));
    expect(copies[101]!.atMs - copies[100]!.atMs).toBe(250);
  });

  test('of puts does not depend on how long gets take', async () => {
    const { outcome, copies } = setUp([...Array.from({ length: 100 }, () => ({ afterMs: 10 })), { afterMs: 5_000 }]);
    for (let i = 0; i < 100; i++) await outcome(get);
    await outcome(put);
    expect(copies[101]!.atMs - copies[100]!.atMs).toBe(200);
  });

  test('stays where it is while slow calls are hedged', async () => {
    // First copies take 1 to 100 ms. Second ones take 1 ms, and must not count as the whole call.
    let isFirst = true;
    let calls = 0;
    const { outcome, copies } = setUp(() => ({ afterMs: isFirst ? 1 + ((calls * 37) % 100) : 1 }), {
      requestsPerHedge: 5,
    });
    const thresholds: number[] = [];
    for (; calls < 2_000; calls++) {
      const before = copies.length;
      isFirst = true;
      const ended = outcome(get);
      await Promise.resolve().then(() => Promise.resolve());
      isFirst = false;
      await ended;
      if (copies.length > before + 1) thresholds.push(copies[before + 1]!.atMs - copies[before]!.atMs);
    }
    expect(thresholds.length).toBeGreaterThan(50);
    for (const ms of thresholds) expect([95, 96, 97]).toContain(ms);
  });

  test('is a second at most, so that a call ends in time', async () => {
    const { outcome, copies } = setUp([{ afterMs: 3_000 }], { requestsPerHedge: 1, leastSamples: 1 });
    for (let i = 0; i < 2; i++) await outcome(get);
    expect(copies[3]!.atMs - copies[2]!.atMs).toBe(1_000);
  });
});

describe('the budget', () => {
  test('keeps an outage from raising the requests by more than 5 %', async () => {
    const { outcome, totals } = setUp([{ afterMs: 3_000 }]);
    const requests = 400;
    for (let i = 0; i < requests; i++) await outcome(get);
    expect(totals.hedges).toBe(1 + requests / 20);
  });

  test('saves up for ten hedges in a row, not more', async () => {
    const { outcome, totals } = setUp([...Array.from({ length: 1_000 }, () => ({ afterMs: 10 })), { afterMs: 3_000 }]);
    for (let i = 0; i < 1_000; i++) await outcome(get);
    for (let i = 0; i < 15; i++) await outcome(get);
    expect(totals.hedges).toBe(10);
  });
});

test('lists and deletes are sent once', async () => {
  const { outcome, copies } = setUp([{ afterMs: 3_000 }]);
  await outcome((store) => store.list({}));
  await outcome((store) => store.delete(['k']));
  expect(copies).toHaveLength(2);
});
