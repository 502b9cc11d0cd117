// The compactor is held to a model over random logs: random keys, values, tombstones, codecs, batch and segment sizes, units,
// maps that are too small, clocks, and several passes. Then every port call of a pass fails, and a later pass must do right.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CompactionLimits } from '../../../lib/maintenance/compaction/pass.ts';
import { readMaintenanceItem } from '../../../lib/partition/maintenance-item.ts';
import type { Compression } from '../../../lib/record/compression.ts';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import { passOver } from '../pass.ts';
import { expectSound } from './sound.ts';
import {
  type Appended,
  append,
  type CompactedWorld,
  createCompactedWorld,
  cutInto,
  deleteRetentionMs,
  deleteUnnamed,
  Model,
  type NewRecord,
  type Ports,
  readRecords,
  runPass,
} from './world.ts';

const record: fc.Arbitrary<NewRecord> = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', ''),
  value: fc.option(fc.string({ maxLength: 4 }), { freq: 2 }),
});
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
  compression: fc.constantFrom<Compression>('none', 'gzip', 'snappy', 'lz4', 'zstd'),
});
const limits: fc.Arbitrary<Partial<CompactionLimits>> = fc.record({
  unitItems: fc.integer({ min: 1, max: 4 }),
  unitBytes: fc.constantFrom(1, 300, 1e9),
  mapKeys: fc.constantFrom(1, 4, 1000),
});
/** A round appends, cuts the log into segments, lets time pass, and compacts. */
const round = fc.record({
  batches: fc.array(batch, { maxLength: 6 }),
  cuts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  waitMs: fc.constantFrom(0, 1, deleteRetentionMs / 2, deleteRetentionMs),
  limits,
});
type Round = typeof round extends fc.Arbitrary<infer T> ? T : never;

async function begin(world: CompactedWorld, { batches, cuts, waitMs }: Round): Promise<Appended[]> {
  const appended: Appended[] = [];
  for (const { records, compression } of batches) appended.push(...(await append(world, records, { compression })));
  await cutInto(world, cuts);
  world.clock.advance(waitMs);
  return appended;
}

const cleanPointOf = async ({ table, address }: CompactedWorld) =>
  (await readMaintenanceItem(table, address)).cleanPoint;

test('the surviving records are those of the model, pass after pass', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
      const world = await createCompactedWorld();
      const model = new Model();
      const appended: Appended[] = [];
      for (const one of rounds) {
        const added = await begin(world, one);
        appended.push(...added);
        model.records.push(...added);
        const before = await cleanPointOf(world);
        await runPass(world, one.limits);
        const to = await cleanPointOf(world);
        if (to > before) model.pass(to, world.clock.now());
        expect(await readRecords(world)).toEqual(model.records);
        await expectSound(world, appended);
        await deleteUnnamed(world);
      }
    }),
    { numRuns: 40 },
  );
});

describe('a pass that fails', () => {
  type Fault = 'request lost' | 'reply lost';

  /** Breaks call number `at` of either port. */
  function broken({ objects, table }: Ports, fault: Fault, at: number) {
    let calls = 0;
    async function call<T>(act: () => Promise<T>): Promise<T> {
      if (calls++ !== at) return act();
      if (fault === 'reply lost') await act();
      throw new StorageError('no-answer', 'injected');
    }
    return {
      hasFailed: () => calls > at,
      objects: {
        ...objects,
        get: (...args: Parameters<typeof objects.get>) => call(() => objects.get(...args)),
        putOnce: (...args: Parameters<typeof objects.putOnce>) => call(() => objects.putOnce(...args)),
      },
      table: {
        get: (...args: Parameters<typeof table.get>) => call(() => table.get(...args)),
        getMany: (...args: Parameters<typeof table.getMany>) => call(() => table.getMany(...args)),
        query: (...args: Parameters<typeof table.query>) => call(() => table.query(...args)),
        write: (...args: Parameters<typeof table.write>) => call(() => table.write(...args)),
        transact: (...args: Parameters<typeof table.transact>) => call(() => table.transact(...args)),
      },
    };
  }

  const key = (name: string, value: string | null): NewRecord => ({ key: name, value });
  /** The second pass drops a tombstone whose horizon is over, puts another, and removes a value of a re-created key. */
  const first = [[key('a', '1'), key('b', '1')], [key('a', null), key('c', '1')], [key('b', null)]];
  const second = [
    [key('b', '2'), key('d', '1')],
    [key('d', null), key('c', '2')],
    [key('e', '1'), key('b', '3')],
  ];

  async function scene(): Promise<{ world: CompactedWorld; appended: Appended[]; model: Model }> {
    const world = await createCompactedWorld();
    const model = new Model();
    const appended: Appended[] = [];
    const add = async (batches: NewRecord[][]) => {
      for (const records of batches) appended.push(...(await append(world, records)));
      await cutInto(world, [1]);
    };
    await add(first);
    model.records = [...appended];
    await runPass(world);
    model.pass(appended.length, world.clock.now());
    world.clock.advance(deleteRetentionMs);
    await add(second);
    model.records.push(...appended.slice(-6));
    model.pass(appended.length, world.clock.now());
    return { world, appended, model };
  }

  test.each(['request lost', 'reply lost'] as const)(
    'at any port call (%s) leaves a sound log, and the next pass ends it',
    async (fault) => {
      for (let at = 0; ; at++) {
        const { world, appended, model } = await scene();
        const ports = broken(world, fault, at);
        const isDead = await runPass(world, { unitItems: 1 }, passOver({ ...world, ...ports })).then(
          () => false,
          () => true,
        );
        await expectSound(world, appended);
        await runPass(world, { unitItems: 2 });
        await expectSound(world, appended);
        expect(await readRecords(world)).toEqual(model.records);
        if (!ports.hasFailed()) return expect(at).toBeGreaterThan(20);
        expect(isDead).toBe(true);
      }
    },
  );
});
