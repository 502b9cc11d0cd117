// This runs a sample of the small worlds of plain appends, of group commit and of topics, and shows that a case can be replayed.
import { expect, test } from 'vitest';
import { replay } from '../../core/run.ts';
import { testSample } from '../../core/sample.ts';
import type { Faults } from '../../core/worlds.ts';
import { appendWorlds, sharedWorlds, smallLogWorlds, topicWorlds } from './worlds.ts';

testSample('sim', [...appendWorlds, ...sharedWorlds, ...topicWorlds], { every: 11, pairs: 8 });

const replayed = (name: string, order: number, faults: Faults) =>
  replay(smallLogWorlds.find((world) => world.name === name)!, order, faults);

test('a case is the same every time, to the last step', async () => {
  const faults = new Map([
    [3, 'acts hours late'],
    [7, 'killed after'],
  ] as const);
  const first = await replayed('spill-evicts', 2, faults);
  expect(first.trace.length).toBeGreaterThan(20);
  expect(first.trace.filter((line) => line.includes('[acts hours late]'))).not.toEqual([]);
  expect(await replayed('spill-evicts', 2, faults)).toEqual(first);
});

test('each world reaches the code that it was made for', async () => {
  const traceOf = async (name: string) => (await replayed(name, 0, new Map())).trace.join('\n');
  // A page and a trim show as a put below the pages' key, and then an update of the head.
  for (const name of ['spill', 'spill-evicts', 'return-after-eviction', 'late-newcomer', 'wait-during-spill'])
    expect(await traceOf(name), name).toMatch(/put \S+\/0\/p 0{8}/);
  // A lookup of a producer that has left the head, or a read below the tail, shows as a query.
  for (const name of ['return-after-eviction', 'late-newcomer', 'idempotency-key', 'fetch-during-spill'])
    expect(await traceOf(name), name).toMatch(/query \S+\/0\/p/);
  expect(await traceOf('rescue-spill')).toContain('the sleeping trim acts');
  expect((await traceOf('topic-delete')).match(/transact 2: done/g)).toHaveLength(2);
  expect((await traceOf('topic-recreate')).match(/transact 2: done/g)).toHaveLength(3);
});
