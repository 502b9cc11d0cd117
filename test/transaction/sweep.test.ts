// The staged objects of transactions, before a real sweep: those of an open or decided one stay, and all others go.
import { beforeEach, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { audit } from '../../lib/maintenance/audit.ts';
import { type SweepReport, sweep } from '../../lib/maintenance/sweep.ts';
import { parseStagedSegmentKey } from '../../lib/storage/keys.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createWorld, readAll, valuesOf, type World } from '../log/world.ts';
import { passOver } from '../maintenance/pass.ts';
import { through } from '../sim/core/through.ts';
import { deciding, isApply, refusing } from './steps.ts';
import { startProducer, type TestProducer } from './world.ts';

const dayMs = 24 * 3_600_000;
/** More batches of a partition than a head takes, so that a commit puts an index object. */
const batches = ['a', 'b', 'c', 'd', 'e'];

let world: World;
beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 2 });
});

const engineOver = (table: Table) => createEngine({ ...world, table });
const sweepNow = (table = world.table): Promise<SweepReport> => sweep(passOver({ ...world, table }));
const read = async (partition = 0) => valuesOf(await readAll(world.engine, partition));

async function stageAll(producer: TestProducer, partition = 0): Promise<void> {
  for (const value of batches) await producer.stage('t', partition, [value]);
}

async function stagedObjects(): Promise<number> {
  const { objects, more } = await world.objects.list({});
  expect(more).toBe(false);
  return objects.filter(({ key }) => parseStagedSegmentKey(key)).length;
}

test('what an open transaction has staged stays, and is committed after the sweep', async () => {
  const producer = await startProducer(world.engine, 'tx', 900_000);
  await stageAll(producer);
  expect(await sweepNow()).toMatchObject({ sweptObjects: 0, audit: { orphans: 0 } });
  await producer.commit();
  expect(await read()).toEqual(batches);
});

test('what a decided transaction has staged stays until it is applied, with its index object, however long that takes', async () => {
  const dying = await startProducer(engineOver(refusing(deciding(world.table), isApply)), 'tx');
  await stageAll(dying);
  await dying.commit().catch(() => {});
  world.clock.advance(9 * dayMs);
  expect(await sweepNow()).toMatchObject({ sweptObjects: 0, audit: { orphans: 0 } });
  await world.engine.transactions.tend();
  expect(await sweepNow()).toMatchObject({ sweptObjects: 0 });
  expect(await stagedObjects()).toBe(batches.length + 1);
  expect(await read()).toEqual(batches);
});

test.each<readonly [string, (producer: TestProducer) => Promise<unknown>]>([
  ['was aborted', (producer) => producer.abort()],
  ['was ended by a newer instance', () => startProducer(world.engine, 'tx')],
  ['was ended by an operator', () => world.engine.transactions.forceAbort('tx')],
  [
    'has timed out',
    async () => {
      world.clock.advance(60_001);
      expect(await world.engine.transactions.tend()).toMatchObject({ aborted: 1 });
    },
  ],
  [
    'is of an id that has expired',
    async (producer) => {
      await producer.abort();
      world.clock.advance(8 * dayMs);
      expect(await world.engine.transactions.tend()).toMatchObject({ expired: 1 });
    },
  ],
])(
  'what a transaction has staged that %s goes with the next sweep, and what was committed stays',
  async (_how, end) => {
    const producer = await startProducer(world.engine, 'tx');
    await stageAll(producer);
    await producer.commit();
    await stageAll(producer, 1);
    await end(producer);
    expect(await sweepNow()).toMatchObject({ sweptObjects: batches.length, audit: { orphans: batches.length } });
    expect(await stagedObjects()).toBe(batches.length + 1);
    expect([await read(0), await read(1)]).toEqual([batches, []]);
  },
);

test('a transaction that commits between the steps of a sweep keeps everything', async () => {
  const producer = await startProducer(world.engine, 'tx');
  await stageAll(producer);
  let isCommitted = false;
  const table = through(world.table, async (call, act) => {
    const isListing = call.kind === 'query' && call.query.pk === 'txns';
    if (isListing && !isCommitted) {
      isCommitted = true;
      await producer.commit();
    }
    return act();
  });
  // The audit has read the names before the commit, so it takes the objects for orphans. The second look finds their names.
  expect(await sweepNow(table)).toMatchObject({ sweptObjects: 0, audit: { orphans: batches.length } });
  expect(isCommitted).toBe(true);
  expect(await read()).toEqual(batches);
});

test('the sweep does not hold more staged objects at a time than names', async () => {
  const producer = await startProducer(world.engine, 'tx');
  await stageAll(producer);
  await producer.abort();
  const objects: ObjectStore = { ...world.objects, list: (of) => world.objects.list({ ...of, limit: 2 }) };
  let looks = 0;
  const table = through(world.table, (call, act) => {
    if (call.kind === 'query' && call.query.pk === 'txns') looks++;
    return act();
  });
  const report = await audit({ ...world, objects, table, maxNames: 2 });
  expect(report).toMatchObject({ orphans: batches.length });
  expect(looks).toBe(Math.ceil(batches.length / 2));
});

test('nothing goes while an index object cannot be read', async () => {
  const producer = await startProducer(world.engine, 'tx');
  await stageAll(producer);
  await producer.commit();
  await stageAll(producer, 1);
  await producer.abort();
  const get: ObjectStore['get'] = async (key, range) =>
    parseStagedSegmentKey(key) ? undefined : world.objects.get(key, range);
  const objects = { ...world.objects, get };
  const report = await sweep(passOver({ ...world, objects }));
  expect(report).toMatchObject({ sweptObjects: 0, incomplete: expect.stringContaining('the list of batches') });
  expect(await stagedObjects()).toBe(2 * batches.length + 1);
});
