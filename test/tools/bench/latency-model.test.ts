import { expect, test } from 'vitest';
import { dynamoDb, storages } from '../../../tools/bench/latency-model/published.ts';
import { runScenario, type Scenario } from '../../../tools/bench/latency-model/world.ts';
import { median, percentile } from '../../../tools/bench/statistics.ts';

const usual: Scenario = { storage: storages['S3 Standard'], hedging: 'off', requests: 400, requestsPerSecond: 10 };

async function produceMs(scenario: Partial<Scenario>): Promise<number[]> {
  const { acknowledged } = await runScenario({ ...usual, ...scenario });
  expect(acknowledged).toHaveLength(scenario.requests ?? usual.requests);
  return acknowledged.filter(({ isCold }) => !isCold).map(({ ms }) => ms);
}

test('one more await on a port moves the median by what it takes', async () => {
  // Where little else takes long, few requests are enough to see it.
  const storage = storages['S3 Express'];
  const before = median(await produceMs({ storage }));
  const after = median(
    await produceMs({
      storage,
      change: ({ objects, table }) => ({
        objects,
        table: {
          ...table,
          write: async (write) => {
            await table.get({ pk: 'one', sk: 'more' });
            return table.write(write);
          },
        },
      }),
    }),
  );
  expect(after - before).toBeGreaterThan(0.6 * dynamoDb.read.p50);
  expect(after - before).toBeLessThan(2 * dynamoDb.read.p50);
});

test('the same seed gives the same figures, and every part adds to the median', async () => {
  const [first, again] = [await produceMs({}), await produceMs({})];
  expect(again).toEqual(first);
  const parts = usual.storage.put.p50 + dynamoDb.write.p50;
  expect(median(first)).toBeGreaterThan(parts);
  expect(median(first)).toBeLessThan(parts + 25);
});

test('hedging takes the stalls out of the slowest in a hundred', async () => {
  const storage = { ...usual.storage, stall: { every: 50, fromMs: 1_000, toMs: 2_000 } };
  const requests = 1_000;
  expect(percentile(await produceMs({ storage, requests }), 0.99)).toBeGreaterThan(1_000);
  expect(percentile(await produceMs({ storage, requests, hedging: 'on' }), 0.99)).toBeLessThan(500);
});

test('a consumer gets every batch once, later than its producer gets the acknowledgement', async () => {
  const { acknowledged, delivered } = await runScenario({ ...usual, requests: 300, isConsumed: true });
  expect(delivered).toHaveLength(acknowledged.length);
  expect(median(delivered.map(({ ms }) => ms))).toBeGreaterThan(median(acknowledged.map(({ ms }) => ms)));
});
