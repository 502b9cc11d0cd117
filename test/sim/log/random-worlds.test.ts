// Random large worlds in CI: a few hundred seeds; ten thousand are run by hand (npm run sim -- --seeds 10000).
import { expect, test } from 'vitest';
import { defaultWorld, runWorld, type WorldOptions } from './world.ts';

async function expectNoAnomaly(options: WorldOptions): Promise<void> {
  const { complaints } = await runWorld(options);
  expect(complaints, `npm run sim -- --seed ${options.seed}`).toEqual([]);
}

test('the same seed is the same history, to the last step', async () => {
  const traceOf = async () => {
    const lines: string[] = [];
    await runWorld({ ...defaultWorld, seed: 4, trace: (line) => lines.push(line) });
    return lines;
  };
  const first = await traceOf();
  expect(first.length).toBeGreaterThan(500);
  expect(await traceOf()).toEqual(first);
});

test('200 worlds of mixed clients', { timeout: 180_000 }, async () => {
  for (let seed = 1; seed <= 200; seed++) await expectNoAnomaly({ ...defaultWorld, seed });
});

test('20 worlds where half of all calls suffer', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 20; seed++)
    await expectNoAnomaly({ ...defaultWorld, seed, faultRate: 0.5, sends: 5, oneShot: 10 });
});

test('10 worlds of hundreds of producers that live for one batch', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 10; seed++) {
    await expectNoAnomaly({
      ...defaultWorld,
      seed,
      partitions: 1,
      steady: 1,
      anonymous: 0,
      keyed: 0,
      oneShot: 300,
      processes: 4,
    });
  }
});

test('10 worlds of many partitions and processes', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 10; seed++)
    await expectNoAnomaly({ ...defaultWorld, seed, partitions: 8, processes: 8, steady: 6, sends: 10 });
});
