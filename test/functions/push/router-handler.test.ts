// The router over the real engine. The records of the stream are made by hand, of the heads that the engine has written.
import { expect, test } from 'vitest';
import { createRouterHandler, type StreamEvent } from '../../../functions/push/router-handler.ts';
import type { PushInvocation } from '../../../lib/api/push.ts';
import { headKey } from '../../../lib/storage/keys.ts';
import type { Item, Table } from '../../../lib/storage/table.ts';
import { type PushWorld, ref, worldOfTopic } from '../../push/world.ts';
import { keepLogLines } from '../log-lines.ts';

const lines = keepLogLines();

/** A record of the stream, as Lambda hands it on. */
function recordOf({ pk, sk, n, f }: Item, sequence: number): StreamEvent['Records'][number] {
  const image = { n: { N: String(n) }, f: { N: String(f) } };
  return {
    dynamodb: { SequenceNumber: String(sequence), Keys: { pk: { S: pk }, sk: { S: sk } }, NewImage: image },
  } as never;
}

async function headOf({ engine, table }: PushWorld, partition: number): Promise<Item> {
  const { topicId } = await engine.describeTopic('t');
  return (await table.get(headKey(topicId, partition), { strong: true }))!;
}

/** Routes the batch, and returns the answer with what the dispatcher was invoked for. */
async function routed(world: PushWorld, records: StreamEvent['Records'], table = world.table, refuses = -1) {
  const invoked: PushInvocation[] = [];
  const invoke = async (invocation: PushInvocation) => {
    if (invocation.partition === refuses) throw new Error('Lambda is at its cap');
    invoked.push(invocation);
  };
  const handler = createRouterHandler({ table, clock: world.clock, invoke }, 'Test');
  const { batchItemFailures } = await world.during(handler({ Records: records }, undefined));
  return { failed: batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), invoked };
}

/** A subscription to three partitions, with a record in each that nobody was told of. */
async function behind(): Promise<PushWorld> {
  const world = await worldOfTopic(3);
  await world.create();
  world.losesInvocations = true;
  for (const partition of [0, 1, 2]) await world.append(partition, ['v']);
  return world;
}

test('heads of partitions with subscriptions have the flag for which the stream is filtered', async () => {
  const world = await worldOfTopic();
  expect((await headOf(world, 0)).f).toBeUndefined();
  await world.create();
  expect((await headOf(world, 0)).f).toEqual(expect.any(Number));
  await world.during(world.engine.subscriptions.delete(ref));
  expect((await headOf(world, 0)).f).toBeUndefined();
});

test('the dispatcher is invoked once for each partition and group, however many heads of it the batch has', async () => {
  const world = await behind();
  await world.create({ groupId: 'audit' });
  const heads = await Promise.all([0, 1, 0, 2, 0].map((partition) => headOf(world, partition)));
  const { failed, invoked } = await routed(world, heads.map(recordOf));
  expect(failed).toEqual([]);
  expect(invoked.map(({ groupId, partition }) => `${groupId} ${partition}`).sort()).toEqual(
    ['audit', 'billing'].flatMap((group) => [0, 1, 2].map((partition) => `${group} ${partition}`)),
  );
  expect(new Set(invoked.map(({ id }) => id)).size).toBe(6);
  const { topicId } = await world.engine.describeTopic('t');
  for (const invocation of invoked) expect(invocation).toMatchObject({ topic: 't', topicId });
});

test('what is delivered, or has a run at work, is passed over', async () => {
  const world = await behind();
  world.losesInvocations = false;
  await world.trigger(0);
  await world.settle();
  world.answer = () =>
    world.clock.sleep(30_000).then(() => ({ kind: 'answered', answer: { kind: 'success' } }) as const);
  await world.trigger(1);
  await world.pass(1_000);
  const heads = await Promise.all([0, 1, 2].map((partition) => headOf(world, partition)));
  const { invoked } = await routed(world, heads.map(recordOf));
  expect(invoked.map(({ partition }) => partition)).toEqual([2]);
});

test('a partition that was added has no item of offsets, and begins at its first record', async () => {
  const world = await behind();
  await world.during(world.engine.alterTopic({ topic: 't', partitions: 20 }));
  await world.append(17, ['v']);
  const { invoked } = await routed(world, [recordOf(await headOf(world, 17), 1)]);
  expect(invoked).toMatchObject([{ ...ref, partition: 17 }]);
});

test('a batch that is routed in part begins again at the first record that was not', async () => {
  const world = await behind();
  const heads = await Promise.all([0, 1, 2, 1].map((partition) => headOf(world, partition)));
  const { failed, invoked } = await routed(world, heads.map(recordOf), world.table, 1);
  expect(failed).toEqual(['1']);
  expect(invoked.map(({ partition }) => partition)).toEqual([0, 2]);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ message: 'NOT_ROUTED', partition: 1 }]);
});

test('everything is read strongly, because with an old copy the append would wait for the next one', async () => {
  const world = await behind();
  const strong: unknown[] = [];
  const { table } = world;
  const watching: Table = {
    ...table,
    get(key, options) {
      strong.push(options?.strong);
      return table.get(key, options);
    },
    query(query) {
      strong.push(query.strong);
      return table.query(query);
    },
  };
  await routed(world, [recordOf(await headOf(world, 0), 1)], watching);
  expect(strong).toEqual([true, true]);
});
