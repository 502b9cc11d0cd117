// Every single fault at every call of every small world, and a sample of the pairs; all pairs are run by hand
// (npm run sim -- --exhaustive).
import { describe, expect, test } from 'vitest';
import { replayCase, runExhaustive } from '../../core/exhaustive.ts';
import { smallWorlds } from './worlds.ts';

const pairsOfEach = 50;

describe.each(smallWorlds)('$name', ({ name }) => {
  test('survives every single fault, and some pairs', { timeout: 120_000 }, async () => {
    const [report] = await runExhaustive({ pairs: pairsOfEach, only: name, print: () => {} });
    expect(report!.singles).toBeGreaterThan(50);
    expect(report!.pairs).toBe(pairsOfEach);
    expect(report!.failures).toEqual([]);
  });
});

test('a case is the same every time, to the last step', async () => {
  const faults = new Map([
    [3, 'acts hours late'],
    [7, 'killed after'],
  ] as const);
  const first = await replayCase('spill-evicts', 2, faults);
  expect(first.trace.length).toBeGreaterThan(20);
  expect(first.trace.filter((line) => line.includes('[acts hours late]'))).not.toEqual([]);
  expect(await replayCase('spill-evicts', 2, faults)).toEqual(first);
});

test('the worlds reach what they are for', async () => {
  const traceOf = async (name: string) => (await replayCase(name, 0, new Map())).trace.join('\n');
  // Page and trim: a put below the pages' key, then an update of the head.
  for (const name of ['spill', 'spill-evicts', 'return-after-eviction', 'late-newcomer', 'wait-during-spill'])
    expect(await traceOf(name), name).toMatch(/put \S+\/0\/p 0{8}/);
  // A lookup of a producer that has left the head, and a read below the tail.
  for (const name of ['return-after-eviction', 'late-newcomer', 'idempotency-key', 'fetch-during-spill'])
    expect(await traceOf(name), name).toMatch(/query \S+\/0\/p/);
  expect(await traceOf('rescue-spill')).toContain('the sleeping trim acts');
  expect((await traceOf('topic-delete')).match(/transact 2: done/g)).toHaveLength(2);
  expect((await traceOf('topic-recreate')).match(/transact 2: done/g)).toHaveLength(3);
});
