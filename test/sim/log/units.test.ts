// This measures the cost of appends in the random worlds, in DynamoDB's write units and S3's requests. Each try of a
// client counts as an append. The worlds have spills, evictions, repeats of forgotten appends, processes that die and
// clocks that jump. The ids of producers, one unit each, are not counted.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import { countingObjectStore, countingTable, newCounters } from '../../../lib/storage/count.ts';
import type { Write } from '../../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld } from '../../log/world.ts';
import type { Stores } from './small/stage.ts';
import { defaultWorld, runWorld, type WorldOptions } from './world.ts';

const nobody = { steady: 0, anonymous: 0, keyed: 0, oneShot: 0, conditional: 0, readers: 0, partitions: 1 };

/** True for heads and pages, false for topics and ids. */
const isOfLog = (write: Write) => (write.kind === 'put' ? write.item : write.key).pk.includes('/');

async function costOf(options: Partial<WorldOptions>) {
  const counters = newCounters();
  const watch = ({ objects, table }: Stores): Stores => {
    const counted = countingTable(table, counters);
    const write = (one: Write) => (isOfLog(one) ? counted.write(one) : table.write(one));
    return { objects: countingObjectStore(objects, counters), table: { ...table, write } };
  };
  const { history, complaints } = await runWorld({ ...defaultWorld, ...nobody, seed: 1, ...options, watch });
  expect(complaints).toEqual([]);
  const appends = history.sends.reduce((sum, { tries }) => sum + tries.length, 0);
  return { appends, writeUnits: counters.writeUnits / appends, puts: counters.s3Put / appends };
}

/** These are 50 appends a second to one partition. DynamoDB takes a thousand writes a second to one. */
const steady = { steady: 1, sends: 1_000, pauseMs: 20 };
const inTurn = (perSecond: number) => ({ steady: 100, sends: 10, pauseMs: 200_000 / perSecond });
const oneShots = (oneShot: number, perSecond: number) => ({ oneShot, spreadMs: (oneShot * 1_000) / perSecond });
const calm = { faultRate: 0 };
const faulty = { faultRate: 0.03 };

test.each([
  ['one steady producer', { ...calm, ...steady, processes: 1 }, 1.1],
  ['one steady producer, three processes', { ...calm, ...steady }, 1.1],
  ['one steady producer, 3 % of calls suffer', { ...faulty, ...steady }, 1.3],
  ['without an id', { ...calm, anonymous: 1, sends: 1_000, pauseMs: 10 }, 1.1],
  ['100 producers in turn', { ...calm, ...inTurn(5), processes: 1 }, 1.2],
  ['100 producers in turn, four processes', { ...calm, ...inTurn(20), processes: 4 }, 1.3],
  ['100 producers in turn, 3 % of calls suffer', { ...faulty, ...inTurn(5), processes: 4 }, 1.3],
  ['1,000 one-shot producers, a third of which repeats late', { ...calm, ...oneShots(1_000, 20), processes: 4 }, 1.2],
  ['1,000 one-shot producers, 100 a second', { ...calm, ...oneShots(1_000, 100), processes: 4 }, 1.3],
  ['1,000 one-shot producers, 3 % of calls suffer', { ...faulty, ...oneShots(1_000, 20), processes: 4 }, 1.3],
])('%s: an append costs at most this many write units', async (_name, options, mostUnits) => {
  const { appends, writeUnits, puts } = await costOf(options);
  expect(appends).toBeGreaterThanOrEqual(1_000);
  expect(writeUnits).toBeGreaterThan(1);
  expect(writeUnits).toBeLessThanOrEqual(mostUnits);
  expect(puts).toBeLessThan(1.1);
});

test('a batch that comes before its predecessor costs one more unit', async () => {
  const counters = newCounters();
  const world = createWorld();
  await world.engine.createTopic({ topic: 't' });
  const identity = { producerId: (await world.engine.newProducer()).producerId, producerEpoch: 0 };
  const table = countingTable(world.table, counters);
  const [early, late] = [createEngine({ ...world, table }), createEngine({ ...world, table })];
  const second = appendOne(early, 0, batchOf(['second'], { ...identity, baseSequence: 1 }));
  await new Promise((resolve) => setImmediate(resolve));
  await appendOne(late, 0, batchOf(['first'], { ...identity, baseSequence: 0 }));
  expect(await second).toMatchObject({ baseOffset: 1 });
  expect(counters.writeUnits).toBe(3);
});
