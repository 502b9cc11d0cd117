// Compares the rights of each function with the storage calls of its operations. Each function works through recording ports
// of its own, over the same stored data.
import { expect, test } from 'vitest';
import { rights } from '../../cdk/rights.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { tendGroups } from '../../lib/maintenance/groups.ts';
import { createMaintenance } from '../../lib/maintenance/maintenance.ts';
import { runPass } from '../../lib/maintenance/pass.ts';
import { requestPass } from '../../lib/maintenance/pass-item.ts';
import { lookAround, runErrand } from '../../lib/maintenance/upkeep.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { maintenanceBegunKey, transactionListingKey } from '../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTopics } from '../../lib/topic/topics.ts';
import { batchOf, text } from '../log/world.ts';

const actionOf = {
  put: 'dynamodb:PutItem',
  update: 'dynamodb:UpdateItem',
  delete: 'dynamodb:DeleteItem',
  check: 'dynamodb:ConditionCheckItem',
} as const;

type Ports = { readonly objects: ObjectStore; readonly table: Table };

/** The same ports, with a record of the S3 and DynamoDB actions that they were used for. */
function watched({ objects, table }: Ports) {
  const used = new Set<string>();
  const note = <Args extends unknown[], R>(
    call: (...args: Args) => R,
    actions: (...args: Args) => readonly string[],
  ) => {
    return (...args: Args): R => {
      for (const action of actions(...args)) used.add(action);
      return call(...args);
    };
  };
  const ports: Ports = {
    objects: {
      putOnce: note(objects.putOnce, () => ['s3:PutObject']),
      get: note(objects.get, () => ['s3:GetObject']),
      list: note(objects.list, () => ['s3:ListBucket']),
      delete: note(objects.delete, () => ['s3:DeleteObject']),
    },
    table: {
      get: note(table.get, () => ['dynamodb:GetItem']),
      getMany: note(table.getMany, () => ['dynamodb:BatchGetItem']),
      query: note(table.query, () => ['dynamodb:Query']),
      write: note(table.write, (write) => [actionOf[write.kind]]),
      transact: note(table.transact, (actions) => actions.map(({ kind }) => actionOf[kind])),
    },
  };
  return { ports, used };
}

async function produce(engine: Engine): Promise<void> {
  await engine.appendRecords({
    topic: 't',
    records: [{ key: null, value: text('v'), headers: [] }],
    idempotencyKey: 'key',
  });
  const { producerId, epoch: producerEpoch } = await engine.newProducer();
  const append = (sequence: number, producer = {}) =>
    engine.append({ topic: 't', partitions: [{ partition: 0, batches: batchOf([`v${sequence}`], producer) }] });
  await append(0, { producerId, producerEpoch, baseSequence: 0 });
  for (let i = 0; i < 100; i++) await append(i);
  // The history of this producer has left the head, so the append looks it up in the index pages.
  await append(1, { producerId, producerEpoch, baseSequence: 1 });
}

async function fetch(engine: Engine): Promise<void> {
  const { partitions } = await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }] });
  expect(partitions[0]).toMatchObject({ batches: expect.arrayContaining([expect.any(Uint8Array)]) });
  for (const at of ['earliest', 'latest', 1] as const) await engine.offsets({ topic: 't', at });
  await engine.fetch({ topic: 'small', partitions: [{ partition: 0, offset: 0 }] });
}

async function topics(engine: Engine, ports: Ports): Promise<void> {
  await engine.createTopic({ topic: 'other', partitions: 2 });
  await engine.alterTopic({ topic: 'other', partitions: 3 });
  await engine.deleteRecords({ topic: 'other', partitions: [{ partition: 0, offset: -1 }] });
  await engine.listTopics({});
  await engine.describeTopic('t');
  await engine.describePartitions({ topic: 't', storage: true });
  for (const topic of ['t', 'small'])
    for (const at of ['earliest', 'latest', 1] as const) await engine.offsets({ topic, at });
  await engine.deleteRecords({ topic: 'other', partitions: [{ partition: 0, offset: 0 }] });
  for (const topic of ['t', 'small']) {
    const { segments } = await engine.segments.list({ topic, partition: 0 });
    for (const { baseOffset: offset } of segments) await engine.segments.read({ topic, partition: 0, offset });
  }
  // The pass itself is run by other functions.
  const passes = createMaintenance({
    ...toolsOf(ports),
    topics: createTopics(ports.table, systemClock),
    wake: async () => {},
  });
  await passes.start({ topic: 'other' });
  await passes.last({ topic: 'other' });
  await engine.deleteTopic('other');
}

const toolsOf = (ports: Ports, days = 0) => ({
  ...ports,
  clock: { ...systemClock, now: () => systemClock.now() + days * 86_400_000 },
  isOver: () => false,
  mergeDelayMs: 0,
});

/** Merges the topics, compacts one of them, and retires their records and pages days later. */
async function tend(_: Engine, ports: Ports): Promise<void> {
  const { list } = createTopics(ports.table, systemClock);
  for (const days of [0, 2, 9])
    for (const { topic, topicId } of (await list({})).topics)
      await runErrand(toolsOf(ports, days), { topic, topicId, partitions: [0] });
  await pass(ports, false);
}

/** The sweep finds what the tend function has left, and a topic that was deleted. Young small appends are looked up by key. */
async function maintenance(_: Engine, ports: Ports): Promise<void> {
  await lookAround(toolsOf(ports, 1), async () => {});
  for (const days of [0, 10, 13]) await pass(ports, true, days);
}

async function pass(ports: Ports, maySweep: boolean, days = 0): Promise<void> {
  const tools = { ...toolsOf(ports, days), tableName: 'table', maySweep };
  const { pass: wanted } = await requestPass(tools, undefined, {});
  await runPass(tools, { passId: wanted.passId });
}

async function groups({ groups: coordinator }: Engine): Promise<void> {
  let heartbeatSeq = 0;
  const beat = (memberId: string, memberEpoch: number, more = {}) =>
    coordinator.heartbeat({ ...{ groupId: 'g', memberId, memberEpoch, heartbeatSeq: ++heartbeatSeq }, ...more });
  const subscribedTopicNames = ['t'];
  for (const memberId of ['first', 'second']) {
    await beat(memberId, 0, { instanceId: 'i', subscribedTopicNames });
    await beat(memberId, -2, { instanceId: 'i' });
  }
  await beat('second', 0, { instanceId: 'i', subscribedTopicNames });
  await beat('third', 0, { subscribedTopicNames });
  for (const memberId of ['second', 'third'])
    await beat(memberId, -1, { instanceId: memberId === 'second' ? 'i' : undefined });
  const topics = [
    { topic: 't', partitions: [{ partition: 0, offset: 1 }] },
    {
      topic: 'many',
      partitions: [
        { partition: 0, offset: 0 },
        { partition: 20, offset: 0 },
      ],
    },
  ];
  await coordinator.commitOffsets({ groupId: 'g', topics });
  await coordinator.resetOffsets({
    groupId: 'g',
    topics: ['t', 'small'].map((topic) => ({ topic, target: { to: 'datetime', timestampMs: 1 } })),
    dryRun: false,
  });
  await coordinator.fetchOffsets({ groupId: 'g' });
  await coordinator.deleteOffsets({ groupId: 'g', topics: [{ topic: 'many' }] });
  await coordinator.list({});
  await coordinator.describe('g');
  await coordinator.delete('g');
}

/** Looks after the groups days and weeks after a member has died, and after an init of a transactional id that died. */
async function lag({ transactions }: Engine, ports: Ports): Promise<void> {
  await transactions.tend();
  for (const days of [1, 9, 18]) {
    const now = () => systemClock.now() + days * 86_400_000;
    await tendGroups(createEngine({ ...ports, clock: { ...systemClock, now } }).groups);
  }
}

test('each role may do what its function does, and nothing else', async () => {
  const shared = { objects: createMemoryObjectStore({ clock: systemClock }), table: createMemoryTable() };
  const engine = createEngine({ ...shared, clock: systemClock });
  await engine.createTopic({ topic: 't' });
  await engine.createTopic({ topic: 'many', partitions: 32 });
  await engine.createTopic({ topic: 'compacted', config: { 'cleanup.policy': 'compact' } });
  await engine.createTopic({ topic: 'small', config: { 'rivulet.inline.max.bytes': '1024', 'retention.ms': '-1' } });
  for (const topic of ['compacted', 'small'])
    for (let i = 0; i < 100; i++)
      await engine.append({ topic, partitions: [{ partition: 0, batches: batchOf([`v${i}`]) }] });
  const dead = { groupId: 'old', memberId: 'dead', memberEpoch: 0, heartbeatSeq: 1, subscribedTopicNames: ['t'] };
  const { memberEpoch } = await engine.groups.heartbeat(dead);
  const committed = [{ topic: 't', partitions: [{ partition: 0, offset: 0 }] }];
  const commit = { groupId: 'old', memberId: 'dead', memberEpoch, commitSeq: 1, topics: committed };
  await engine.groups.commitOffsets(commit);
  await shared.table.write({ kind: 'put', item: { ...transactionListingKey('died'), v: 1, i: 1 } });
  for (const [name, use] of Object.entries({ produce, fetch, topics, groups, tend, lag, maintenance })) {
    // Each of them may be the first to note that maintenance runs here.
    await shared.table.write({ kind: 'delete', key: maintenanceBegunKey });
    const { ports, used } = watched(shared);
    await use(createEngine({ ...ports, clock: systemClock }), ports);
    const { objects, bucket, table } = rights[name as keyof typeof rights];
    expect([name, ...[...objects, ...bucket, ...table].sort()]).toEqual([name, ...[...used].sort()]);
  }
});
