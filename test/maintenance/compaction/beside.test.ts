// Two passes at once, a join of the same log segments, readers, and a sweep that deletes what was replaced, in random
// interleavings of their port calls.
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { join } from '../../../lib/maintenance/join.ts';
import { logSegmentKeyOf } from '../../../lib/partition/log-item.ts';
import { passOver } from '../pass.ts';
import { expectSound, tableOf } from './sound.ts';
import {
  type Appended,
  append,
  type CompactedWorld,
  createCompactedWorld,
  cutInto,
  deleteRetentionMs,
  itemsOf,
  Model,
  type NewRecord,
  type Ports,
  readRecords,
  runPass,
} from './world.ts';

/** Every call waits for some turns of the event loop before it acts, and before it answers. */
function slow({ objects, table }: Ports, random: () => number): Ports {
  async function call<T>(act: () => Promise<T>): Promise<T> {
    await turns(random);
    const result = await act();
    await turns(random);
    return result;
  }
  return {
    objects: {
      ...objects,
      get: (...args) => call(() => objects.get(...args)),
      putOnce: (...args) => call(() => objects.putOnce(...args)),
    },
    table: {
      get: (...args) => call(() => table.get(...args)),
      getMany: (...args) => call(() => table.getMany(...args)),
      query: (...args) => call(() => table.query(...args)),
      write: (...args) => call(() => table.write(...args)),
      transact: (...args) => call(() => table.transact(...args)),
    },
  };
}

async function turns(random: () => number): Promise<void> {
  // Mostly short, and sometimes longer than another process needs for a whole unit.
  const count = random() < 0.1 ? 60 : random() * 4;
  for (let i = 0; i < count; i++) await setImmediate();
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

const namesOf = async (world: CompactedWorld) =>
  (await itemsOf(world)).map((item) => logSegmentKeyOf(world.address, item));

/** Deletes what was named before, and no longer is. A real sweep waits for hours first. */
async function sweepOften(world: CompactedWorld, random: () => number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const before = await namesOf(world);
    await turns(random);
    const now = new Set(await namesOf(world));
    await world.objects.delete(before.filter((name) => !now.has(name)));
  }
}

const record: fc.Arbitrary<NewRecord> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  value: fc.option(fc.constantFrom('1', '2'), { freq: 1 }),
});
const batches = fc.array(fc.array(record, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 6 });
const unitItems = fc.integer({ min: 1, max: 3 });
const mapKeys = fc.constantFrom(2, 100);
const scene = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  old: batches,
  fresh: batches,
  one: fc.record({ unitItems, mapKeys }),
  other: fc.record({ unitItems, mapKeys }),
  joins: fc.boolean(),
});

test('passes, a join, readers and a sweep side by side lose nothing, and revive nothing', async () => {
  await fc.assert(
    fc.asyncProperty(scene, async ({ seed, old, fresh, one, other, joins }) => {
      const world = await createCompactedWorld();
      const random = randomFrom(seed);
      const appended: Appended[] = [];
      const model = new Model();
      const add = async (all: NewRecord[][]) => {
        for (const records of all) appended.push(...(await append(world, records)));
        await cutInto(world, [1]);
      };
      await add(old);
      model.records = [...appended];
      await runPass(world);
      model.pass(appended.length, world.clock.now());
      world.clock.advance(deleteRetentionMs);
      await add(fresh);
      model.records.push(...appended.slice(old.flat().length));

      let isOver = false;
      const process = () => ({ ...world, ...slow(world, random) });
      const cleaner = (limits: typeof one) => runPass(world, limits, passOver(process()));
      const joiner = async () => {
        if (joins) await join(passOver(process(), { isFull: true }), world.address);
      };
      const reader = async () => expect(tableOf(await readRecords(process()))).toEqual(tableOf(appended));
      const sweep = sweepOften(world, random, () => isOver);
      await Promise.all([cleaner(one), cleaner(other), joiner(), reader(), reader()]).finally(() => {
        isOver = true;
      });
      await sweep;

      await expectSound(world, appended);
      for (let i = 0; i < 2; i++) await runPass(world, {}, passOver(world, { isFull: true }));
      model.pass(appended.length, world.clock.now());
      expect(await readRecords(world)).toEqual(model.records);
      await expectSound(world, appended);
    }),
    { numRuns: 60 },
  );
});

test('a unit that another pass has rewritten meanwhile is cleaned again, so that nothing comes back later', async () => {
  const world = await createCompactedWorld();
  const put = (...records: NewRecord[]) => append(world, records);
  const appended = [
    ...(await put({ key: 'a', value: '1' }, { key: 'b', value: '1' })),
    ...(await put({ key: 'b', value: '2' })),
    ...(await put({ key: 'a', value: null })),
  ];
  await cutInto(world, [1]);
  const [first, second] = await itemsOf(world);
  let isFirst = true;
  const { table } = world;
  const slower = {
    ...table,
    transact: async (...args: Parameters<typeof table.transact>) => {
      const isLate = isFirst;
      isFirst = false;
      // The other pass knows nothing of the tombstone.
      if (isLate) await runPass(world, { dirtyBytes: first!.bytes + second!.bytes, unitItems: 1 });
      return table.transact(...args);
    },
  };
  await runPass(world, { unitItems: 1 }, passOver({ ...world, table: slower }));
  expect((await readRecords(world)).map(({ offset }) => offset)).toEqual([2, 3]);
  world.clock.advance(deleteRetentionMs);
  appended.push(...(await put({ key: 'c', value: '1' })));
  await cutInto(world, [1]);
  await runPass(world);
  expect((await readRecords(world)).map(({ offset }) => offset)).toEqual([2, 4]);
  await expectSound(world, appended);
});

test('a reader in the middle of a range goes on where it stands when the range is replaced and its objects are deleted', async () => {
  const world = await createCompactedWorld();
  const appended: Appended[] = [];
  for (let i = 0; i < 12; i++)
    appended.push(
      ...(await append(world, [
        { key: `k${i % 5}`, value: `${i}` },
        { key: `only${i}`, value: 'x' },
      ])),
    );
  await cutInto(world, [2]);
  const { objects } = world;
  let gets = 0;
  const replacedUnderIt = {
    ...world,
    objects: {
      ...objects,
      get: async (...args: Parameters<typeof objects.get>) => {
        if (++gets === 3) {
          const before = await namesOf(world);
          await runPass(world, { unitItems: 6 });
          const now = new Set(await namesOf(world));
          const replaced = before.filter((name) => !now.has(name));
          expect(replaced.length).toBeGreaterThan(0);
          await objects.delete(replaced);
        }
        return objects.get(...args);
      },
    },
  };
  const seen = await readRecords(replacedUnderIt);
  expect(gets).toBeGreaterThan(3);
  expect(tableOf(seen)).toEqual(tableOf(appended));
  expect(seen.map(({ offset }) => offset)).toEqual(
    [...new Set(seen.map(({ offset }) => offset))].sort((a, b) => a - b),
  );
});
