import { describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { readMany } from '../../lib/storage/read-many.ts';
import { retryingObjectStore, retryingTable } from '../../lib/storage/retry.ts';
import { StorageError, type StorageReason } from '../../lib/storage/storage-error.ts';
import { equals, type Item, type Table, type Write } from '../../lib/storage/table.ts';

/** A fault of one try, either before the real adapter is asked, or after it has acted. */
type Fault = { readonly reason: StorageReason; readonly after?: boolean };

const refused = (reason: StorageReason): Fault => ({ reason });
const acted = (reason: StorageReason): Fault => ({ reason, after: true });

/** Every call of `port` meets the next fault of the list, and no fault when the list is used up. */
function withFaults<Port extends Table | ObjectStore>(
  port: Port,
  faults: Fault[],
): { port: Port; tries: () => number } {
  let tries = 0;
  const faulty = Object.fromEntries(
    Object.entries(port).map(([name, call]) => [
      name,
      async (...args: unknown[]) => {
        const fault = faults[tries++];
        const result = fault && !fault.after ? undefined : await (call as (...args: unknown[]) => unknown)(...args);
        if (fault) throw new StorageError(fault.reason, `fault ${tries}`);
        return result;
      },
    ]),
  );
  return { port: faulty as Port, tries: () => tries };
}

/** Time passes only while sleeping. The random number is always `share` of the greatest one. */
function fakeClock(share = 0.5) {
  let nowMs = 0;
  const sleepsMs: number[] = [];
  const sleep = async (ms: number) => {
    sleepsMs.push(ms);
    nowMs += ms;
  };
  return { monotonic: () => nowMs, sleep, random: () => share, sleepsMs };
}

const key = { pk: 'p', sk: 's' };
const increment: Write = { kind: 'update', key, update: { add: [['n', 1]] } };

function tableWith(...faults: Fault[]) {
  const { port, tries } = withFaults(createMemoryTable(), faults);
  const clock = fakeClock();
  return { table: retryingTable(port, clock), tries, clock };
}

describe('a fault that may pass is retried', () => {
  test.each(['throttled', 'conflict', 'no-answer', 'unavailable'] as const)('%s', async (reason) => {
    const { table, tries } = tableWith(refused(reason), refused(reason));
    expect(await table.write(increment)).toMatchObject({ applied: true, item: { n: 1 } });
    expect(tries()).toBe(3);
  });

  test.each(['exists', 'too-large', 'invalid', 'denied'] as const)('%s is not retried', async (reason) => {
    const { table, tries, clock } = tableWith(refused(reason));
    await expect(table.write(increment)).rejects.toMatchObject({ reason, mayHaveActed: false });
    expect([tries(), clock.sleepsMs]).toEqual([1, []]);
  });

  test('keys that a read of many has left are asked for after a pause', async () => {
    const table = createMemoryTable();
    const keys = ['a', 'b', 'c'].map((sk) => ({ pk: 'p', sk }));
    for (const each of keys) await table.write({ kind: 'put', item: each });
    const clock = fakeClock();
    const oneAtATime: Table = {
      ...table,
      getMany: async ([first, ...left]) => ({ ...(await table.getMany([first!])), left }),
    };
    const found: Item[] = [];
    await readMany(retryingTable(oneAtATime, clock), keys, { strong: true }, (item) => found.push(item));
    expect([found, clock.sleepsMs]).toEqual([keys, [12.5, 12.5]]);
  });

  test('an error of another kind is a bug, and passes through', async () => {
    const table = retryingTable(
      { ...createMemoryTable(), get: () => Promise.reject(new TypeError('bug')) },
      fakeClock(),
    );
    await expect(table.get(key)).rejects.toBeInstanceOf(TypeError);
  });

  test('every method of a table is retried', async () => {
    for (const call of [
      (table: Table) => table.get(key),
      (table: Table) => table.query({ pk: 'p' }),
      (table: Table) => table.transact([increment], 'token'),
    ]) {
      const { table, tries } = tableWith(refused('throttled'));
      await call(table);
      expect(tries()).toBe(2);
    }
  });

  test('a conflict of a transaction is left to a caller that wants it, and other failures are not', async () => {
    const conflict = tableWith(refused('conflict'));
    await expect(conflict.table.transact([increment], 'token', { onConflict: 'throw' })).rejects.toMatchObject({
      reason: 'conflict',
    });
    const throttled = tableWith(refused('throttled'));
    await throttled.table.transact([increment], 'token', { onConflict: 'throw' });
    expect([conflict.tries(), throttled.tries()]).toEqual([1, 2]);
  });

  test('every method of an object store is retried', async () => {
    for (const call of [
      (store: ObjectStore) => store.putOnce('k', []),
      (store: ObjectStore) => store.get('k'),
      (store: ObjectStore) => store.list({}),
      (store: ObjectStore) => store.delete(['k']),
    ]) {
      const { port, tries } = withFaults(createMemoryObjectStore({ clock: systemClock }), [refused('unavailable')]);
      await call(retryingObjectStore(port, fakeClock()));
      expect(tries()).toBe(2);
    }
  });
});

describe('doubt about the outcome', () => {
  test('does not arise where no earlier try can have acted', async () => {
    for (const faults of [[], [refused('throttled')], [refused('conflict'), refused('throttled')]]) {
      const { table } = tableWith(...faults);
      expect(await table.write(increment)).not.toHaveProperty('doubtful');
    }
  });

  test.each(['no-answer', 'unavailable'] as const)('stays on the result once a try ended with %s', async (reason) => {
    const { table } = tableWith(acted(reason), refused('throttled'));
    expect(await table.write(increment)).toEqual({ applied: true, item: { ...key, n: 2 }, doubtful: true });
  });

  test('stays on a refusal, because our own first try may have made the condition false', async () => {
    const { table } = tableWith(acted('no-answer'));
    const first: Write = { kind: 'put', item: { ...key, n: 1 }, if: { test: 'absent', path: 'n' } };
    expect(await table.write(first)).toEqual({ applied: false, old: { ...key, n: 1 }, doubtful: true });
  });

  test('stays on the last error, even if the last try itself did nothing', async () => {
    const { table } = tableWith(refused('no-answer'), refused('denied'));
    await expect(table.write(increment)).rejects.toMatchObject({ reason: 'denied', mayHaveActed: true });
    const { table: throttled } = tableWith(
      refused('no-answer'),
      ...Array.from({ length: 20 }, () => refused('throttled')),
    );
    await expect(throttled.write(increment)).rejects.toMatchObject({ reason: 'throttled', mayHaveActed: true });
  });

  test('in a transaction is settled by its token', async () => {
    const { table } = tableWith(acted('no-answer'), acted('unavailable'));
    expect(await table.transact([increment], 'token')).toEqual({ applied: true });
    expect(await table.get(key)).toMatchObject({ n: 1 });
  });

  test('in a put is settled by the stored bytes', async () => {
    const { port } = withFaults(createMemoryObjectStore({ clock: systemClock }), [acted('no-answer')]);
    const store = retryingObjectStore(port, fakeClock());
    await store.putOnce('k', [Uint8Array.of(1)]);
    expect(await store.get('k')).toEqual(Uint8Array.of(1));
  });
});

describe('the retries give up', () => {
  const forEver = Array.from({ length: 100 }, () => refused('throttled'));

  test('after a bounded number of tries, with the last error', async () => {
    const { port, tries } = withFaults(createMemoryTable(), forEver);
    const table = retryingTable(port, fakeClock(0), { attempts: 3, totalMs: 1000, baseMs: 10, capMs: 100 });
    await expect(table.write(increment)).rejects.toMatchObject({ message: 'fault 3', mayHaveActed: false });
    expect(tries()).toBe(3);
  });

  test('when the next try would start too late', async () => {
    const { port, tries } = withFaults(createMemoryTable(), forEver);
    const clock = fakeClock(1);
    const table = retryingTable(port, clock, { attempts: 100, totalMs: 350, baseMs: 100, capMs: 100 });
    await expect(table.write(increment)).rejects.toMatchObject({ reason: 'throttled' });
    expect([tries(), clock.sleepsMs]).toEqual([4, [100, 100, 100]]);
  });

  test('by default after more than one silence, each of which takes an adapter 1.5 s', async () => {
    const clock = fakeClock(0.5);
    let tries = 0;
    const port = {
      ...createMemoryTable(),
      write: async () => {
        tries++;
        await clock.sleep(1_500);
        throw new StorageError('no-answer', 'injected');
      },
    };
    await expect(retryingTable(port, clock).write(increment)).rejects.toMatchObject({ reason: 'no-answer' });
    expect(tries).toBe(3);
  });

  test('by default well before the API cuts the request', async () => {
    for (const share of [0, 0.5, 0.999]) {
      const clock = fakeClock(share);
      const { port } = withFaults(createMemoryTable(), [...forEver]);
      await expect(retryingTable(port, clock).write(increment)).rejects.toMatchObject({ reason: 'throttled' });
      expect(clock.monotonic()).toBeLessThanOrEqual(5_000);
      const slow = fakeClock(share);
      const { port: objects } = withFaults(createMemoryObjectStore({ clock: systemClock }), [...forEver]);
      await expect(retryingObjectStore(objects, slow).get('k')).rejects.toMatchObject({ reason: 'throttled' });
      expect(slow.monotonic()).toBeLessThanOrEqual(8_000);
    }
  });
});

test('waits double up to the cap, with full jitter', async () => {
  const { port } = withFaults(
    createMemoryTable(),
    Array.from({ length: 5 }, () => refused('conflict')),
  );
  const clock = fakeClock(0.5);
  await retryingTable(port, clock, { attempts: 9, totalMs: 9_999, baseMs: 20, capMs: 100 }).write(increment);
  expect(clock.sleepsMs).toEqual([10, 20, 40, 50, 50]);
});

test('a condition that holds and one that does not both pass through unchanged', async () => {
  const { table } = tableWith();
  await table.write(increment);
  expect(await table.write({ ...increment, if: equals('n', 5) })).toEqual({ applied: false, old: { ...key, n: 1 } });
});
