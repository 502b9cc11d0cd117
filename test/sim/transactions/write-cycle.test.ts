// The story of docs/adr/0017: a transaction is decided and applied to one partition, another one is committed to both
// partitions in one step, and only then the first one is applied to the other partition. The logs disagree on their order,
// and the checker knows why: without the fact that the first was decided before, it is a write cycle.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import { headKey } from '../../../lib/storage/keys.ts';
import { createWorld, readAll, valuesOf } from '../../log/world.ts';
import { deciding, isApply } from '../../transaction/steps.ts';
import { startProducer } from '../../transaction/world.ts';
import { type Call, gate, holding } from '../core/through.ts';
import { checkIsolation } from './elle.ts';
import { type History, newHistory } from './history.ts';

const transaction = (name: string): History['transactions'][number] => ({
  ...{ name, id: name, instance: 0, producerId: 0, number: 1, reads: [], ends: [] },
  batches: [0, 1].map((partition) => ({ partition, values: [`${name}${partition}`], begunMs: 0, tries: ['done'] })),
});

test('a commit in one step falls between the two partitions of one that is decided', async () => {
  const world = createWorld();
  const { topicId } = await world.engine.createTopic({ topic: 't', partitions: 2 });
  const { reached, open, pass } = gate();
  const isSecond = (call: Call) => isApply(call) && call.kind === 'update' && call.key.pk === headKey(topicId, 1).pk;
  const slow = createEngine({ ...world, table: holding(deciding(world.table), isSecond, pass) });
  const [first, second] = [await startProducer(slow, 'a'), await startProducer(world.engine, 'b')];
  for (const partition of [0, 1]) {
    await first.stage('t', partition, [`a${partition}`]);
    await second.stage('t', partition, [`b${partition}`]);
  }
  const committed = first.commit();
  await reached;
  await second.commit();
  open();
  await committed;
  const logs = [valuesOf(await readAll(world.engine, 0)), valuesOf(await readAll(world.engine, 1))];
  expect(logs).toEqual([
    ['a0', 'b0'],
    ['b1', 'a1'],
  ]);
  const history = { ...newHistory(), transactions: [transaction('a'), transaction('b')], log: new Map(logs.entries()) };
  expect(checkIsolation(history).map(({ name }) => name)).toContain('G0');
  expect(checkIsolation({ ...history, decided: new Set(['a']) })).toEqual([]);
});
