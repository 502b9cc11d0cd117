// One life of a subscription on every table: a creation over several items, failures and a dead letter, a partition that is added,
// a reset, and the deletion. DynamoDB may refuse what the memory table lets pass. Time runs five times as fast as outside.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import type { Delivery, PushBatch, PushPorts } from '../../lib/api/push.ts';
import { createEngine } from '../../lib/engine.ts';
import { type Clock, systemClock } from '../../lib/runtime/clock.ts';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTestTable, onEndpoint } from '../aws/resources.ts';
import { eventually } from '../eventually.ts';
import { appendOne, batchOf, readAll, valuesOf } from '../log/world.ts';
import { failure, ref, success } from './world.ts';

const haste = 5;
const begunMs = systemClock.now();

const fastClock: Clock = {
  ...systemClock,
  now: () => Math.floor(begunMs + (systemClock.now() - begunMs) * haste),
  monotonic: () => systemClock.monotonic() * haste,
  sleep: (ms) => systemClock.sleep(ms / haste),
};

function engineOver(table: Table, answer: (batch: PushBatch) => Delivery | Promise<Delivery>) {
  const handled: string[] = [];
  const push: PushPorts = {
    async invoke(invocation, whenMs = 0) {
      const waitMs = Math.max(0, whenMs - fastClock.now()) / haste;
      setTimeout(() => void engine.dispatcher.run(invocation), waitMs).unref();
    },
    targets: {
      check: async () => undefined,
      open: () => ({
        async deliver(batch) {
          const reply = await answer(batch);
          if (reply === success) handled.push(...batch.records.map(({ offset }) => `${batch.partition}/${offset}`));
          return reply;
        },
      }),
      bytesOf: () => 100,
      filter: () => () => true,
      sendToQueue: async () => undefined,
    },
  };
  const objects = createMemoryObjectStore({ clock: fastClock });
  const engine: Engine = createEngine({ objects, table, clock: fastClock, push });
  return { engine, handled, invoke: push.invoke };
}

/** Each look reads two items for each partition. */
const atRest = (lag: () => Promise<number>) =>
  vi.waitFor(async () => expect(await lag()).toBe(0), { timeout: 60_000, interval: 1_000 });

function life(name: string, makeTable: () => Promise<Table>): void {
  describe(name, () => {
    it('a subscription lives and is deleted', async () => {
      const { engine, handled, invoke } = engineOver(await makeTable(), ({ records }) =>
        Buffer.from(records[0]!.value!).toString() === 'poison' ? failure('poison') : success,
      );
      const { subscriptions, groups } = engine;
      const lag = async () => (await subscriptions.get(ref)).lag;
      const { topicId } = await engine.createTopic({ topic: 't', partitions: 18 });
      await engine.createTopic({ topic: 'dead' });
      const append = async (partition: number, values: string[]) => {
        await appendOne(engine, partition, batchOf(values, { timestampMs: fastClock.now() }));
        await invoke({ ...ref, id: randomUUID().replaceAll('-', '').slice(0, 22), topicId, partition });
      };
      const target = { url: 'https://example.com' };
      const settings = { batchSize: 1, maximumRetryAttempts: 1, onFailure: { topic: 'dead' } };
      const request = { ...ref, target, startingPosition: 'TRIM_HORIZON', ...settings } as const;
      await subscriptions.create(request);
      await append(0, ['a', 'poison', 'c']);
      await append(17, ['d']);
      await atRest(lag);
      expect(handled.toSorted()).toEqual(['0/0', '0/2', '17/0']);
      expect(valuesOf(await readAll(engine, 0, 0, 'dead'))).toEqual(['poison']);

      await engine.alterTopic({ topic: 't', partitions: 34 });
      await append(33, ['e']);
      await atRest(lag);
      expect(handled).toContain('33/0');

      await subscriptions.pause(ref);
      await eventually(async () => {
        const reset = {
          groupId: ref.groupId,
          topics: [{ topic: 't', partitions: [17], target: { to: 'earliest' } as const }],
        };
        const { topics } = await groups.resetOffsets({ ...reset, dryRun: false });
        expect(topics[0]!.partitions[0]).toMatchObject({ offset: 0 });
      });
      await subscriptions.resume(ref);
      await eventually(async () => expect(handled.filter((one) => one === '17/0')).toHaveLength(2));
      await atRest(lag);

      await subscriptions.delete(ref);
      const topics = [{ topic: 't', partitions: [{ partition: 17, offset: 9 }] }];
      const reply = await groups.commitOffsets({ groupId: ref.groupId, topics });
      expect(reply.topics[0]!.partitions).toEqual([{ partition: 17 }]);
      expect((await subscriptions.list({})).subscriptions).toEqual([]);
    });

    it('partitions of two items are delivered one at a time', async () => {
      let [now, most] = [0, 0];
      const { engine, handled, invoke } = engineOver(await makeTable(), async () => {
        most = Math.max(most, ++now);
        await systemClock.sleep(50);
        now -= 1;
        return success;
      });
      const one = { topic: 'narrow', groupId: 'one' };
      const { topicId } = await engine.createTopic({ topic: one.topic, partitions: 17 });
      const target = { url: 'https://example.com' };
      await engine.subscriptions.create({ ...one, target, startingPosition: 'TRIM_HORIZON', maximumConcurrency: 1 });
      const batches = batchOf(['a'], { timestampMs: fastClock.now() });
      const partitions = [0, 8, 16].map((partition) => ({ partition, batches }));
      await engine.append({ topic: one.topic, partitions });
      const id = () => randomUUID().replaceAll('-', '').slice(0, 22);
      for (const { partition } of partitions) await invoke({ ...one, id: id(), topicId, partition });
      await atRest(async () => (await engine.subscriptions.get(one)).lag);
      expect([most, handled.toSorted()]).toEqual([1, ['0/0', '16/0', '8/0']]);
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), 'rivulet-push-'));
const sqlite = createSqliteTable({ path: join(folder, 'table.sqlite') });
afterAll(() => {
  sqlite.close();
  rmSync(folder, { recursive: true });
});

life('memory', async () => createMemoryTable());
life('SQLite', async () => sqlite);
await onEndpoint('dynamodb-local', (connection) =>
  life('DynamoDB Local', async () =>
    createDynamoDbTable({ ...connection, tableName: await createTestTable(connection) }),
  ),
);
