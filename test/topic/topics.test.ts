import { beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { headKey, topicKey } from '../../lib/storage/keys.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table, Write } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, readAll, tryAppend, valuesOf, type World } from '../log/world.ts';

let world: World;

beforeEach(() => {
  world = createWorld();
});

const configOf = (config: readonly { name: string }[], name: string) => config.find((entry) => entry.name === name);

describe('create', () => {
  test('gives an id, heads for every partition, and every configuration with its default marked', async () => {
    const topic = await world.engine.createTopic({
      topic: 'orders',
      partitions: 3,
      config: { 'max.message.bytes': '1000' },
    });
    expect(topic.topicId).toMatch(/^[\w-]{22}$/);
    expect(configOf(topic.config, 'max.message.bytes')).toEqual({
      name: 'max.message.bytes',
      value: '1000',
      isDefault: false,
    });
    expect(configOf(topic.config, 'message.timestamp.type')).toEqual({
      name: 'message.timestamp.type',
      value: 'CreateTime',
      isDefault: true,
    });
    const { partitions } = await world.engine.describePartitions({ topic: 'orders' });
    expect(partitions).toEqual([0, 1, 2].map((partition) => ({ partition, earliest: 0, latest: 0, bytes: 0 })));
  });

  test('ten thousand partitions are possible, with a warning about their cost', async () => {
    const topic = await world.engine.createTopic({ topic: 'wide', partitions: 10_000 });
    expect(topic.warnings.join()).toMatch(/10000 partitions: .*\$2\.25 an hour/);
  });

  test.each([
    ['', 'is empty'],
    ['.', 'must not be . or ..'],
    ['..', 'must not be . or ..'],
    ['a/b', 'ASCII letters'],
    ['ü', 'ASCII letters'],
    ['__consumer_offsets', 'reserved'],
    ['__transaction_state', 'reserved'],
    ['__share_group_state', 'reserved'],
    ['__proto__', 'reserved'],
    ['x'.repeat(250), '250 characters, above the limit of 249'],
  ])('refuses the name %j', async (topic, reason) => {
    await expect(world.engine.createTopic({ topic })).rejects.toMatchObject({
      errorCode: 'INVALID_TOPIC_EXCEPTION',
      message: expect.stringContaining(reason),
    });
  });

  test.each([
    [
      { 'retention.msec': '1' },
      'config: expected the name of a topic configuration, got "retention.msec": did you mean retention.ms?',
    ],
    [{ 'retention.ms': 'soon' }, 'retention.ms: expected a whole number from -1 to 9223372036854775807, got "soon"'],
    [{ 'cleanup.policy': 'shred' }, 'cleanup.policy: expected a list of delete, compact, got "shred"'],
    [{ 'max.message.bytes': '5000000' }, 'max.message.bytes: expected a whole number from 0 to 4128768'],
    [{ 'cleanup.policy': 'delete,'.repeat(1_000) }, 'cleanup.policy: expected at most 4096 characters, got 7000'],
    [{ 'min.cleanable.dirty.ratio': '1.5' }, 'expected a number from 0 to 1'],
    [
      { 'min.compaction.lag.ms': '11', 'max.compaction.lag.ms': '10' },
      'min.compaction.lag.ms: expected at most max.compaction.lag.ms, which is 10, got 11',
    ],
  ])('refuses the configuration %j', async (config, message) => {
    const created = world.engine.createTopic({ topic: 't', config: config as Record<string, string> });
    await expect(created).rejects.toMatchObject({
      errorCode: 'INVALID_CONFIG',
      message: expect.stringContaining(message),
    });
  });

  test('suggests no name that has little in common with the given one', async () => {
    const created = world.engine.createTopic({ topic: 't', config: { colour: 'blue' } });
    await expect(created).rejects.toThrow(/got "colour"$/);
  });

  test('computes a change from what is set, and changes nothing if it is only validated', async () => {
    await world.engine.createTopic({ topic: 't', config: { 'retention.ms': '5' } });
    const longer = (set: Readonly<Record<string, string>>) => ({
      'retention.ms': `${Number(set['retention.ms']) + 1}`,
    });
    const retentionAfter = async (validateOnly: boolean) => {
      const { config } = await world.engine.alterTopic({ topic: 't', partitions: 2, config: longer, validateOnly });
      return config.find(({ name }) => name === 'retention.ms')!.value;
    };
    expect(await retentionAfter(true)).toBe('6');
    expect(await world.engine.describeTopic('t')).toMatchObject({ partitions: 1 });
    expect(await retentionAfter(false)).toBe('6');
    expect(await retentionAfter(false)).toBe('7');
    const wrong = world.engine.alterTopic({ topic: 't', config: { 'retention.ms': 'soon' }, validateOnly: true });
    await expect(wrong).rejects.toMatchObject({ errorCode: 'INVALID_CONFIG' });
  });

  test('refuses a change that contradicts what is set', async () => {
    await world.engine.createTopic({ topic: 't', config: { 'max.compaction.lag.ms': '10' } });
    const alter = (config: Record<string, string | null>) => world.engine.alterTopic({ topic: 't', config });
    await expect(alter({ 'min.compaction.lag.ms': '9223372036854775807' })).rejects.toMatchObject({
      errorCode: 'INVALID_CONFIG',
      outcome: 'not-written',
    });
    await alter({ 'min.compaction.lag.ms': '10' });
    await alter({ 'min.compaction.lag.ms': '9223372036854775807', 'max.compaction.lag.ms': null });
  });

  test('a topic whose values contradict each other, from an older version, still gets partitions', async () => {
    await world.engine.createTopic({ topic: 't' });
    const config = { 'min.compaction.lag.ms': '11', 'max.compaction.lag.ms': '10' };
    await world.table.write({ kind: 'update', key: topicKey('t'), update: { set: [['config', config]] } });
    expect(await world.engine.alterTopic({ topic: 't', partitions: 2 })).toMatchObject({ partitions: 2 });
  });

  test('refuses to reset a configuration that does not exist', async () => {
    await world.engine.createTopic({ topic: 't' });
    const altered = world.engine.alterTopic({ topic: 't', config: { 'retention.msec': null } });
    await expect(altered).rejects.toMatchObject({
      errorCode: 'INVALID_CONFIG',
      message: expect.stringContaining('config: expected the name of a topic configuration, got "retention.msec"'),
      outcome: 'not-written',
    });
  });

  test('does not warn about a configuration that is acted on', async () => {
    const config = { 'retention.ms': '1', 'retention.bytes': '1', 'cleanup.policy': 'compact,delete' };
    expect((await world.engine.createTopic({ topic: 't', config })).warnings).toEqual([]);
  });

  test('accepts a configuration that has no meaning here, and says why', async () => {
    const topic = await world.engine.createTopic({ topic: 't', config: { 'min.insync.replicas': '2' } });
    expect(topic.warnings).toEqual([expect.stringContaining('min.insync.replicas changes nothing here')]);
  });

  test('refuses a name that is taken, and one that differs only in . and _', async () => {
    await world.engine.createTopic({ topic: 'a.b' });
    await expect(world.engine.createTopic({ topic: 'a.b' })).rejects.toMatchObject({
      errorCode: 'TOPIC_ALREADY_EXISTS',
    });
    await expect(world.engine.createTopic({ topic: 'a_b' })).rejects.toMatchObject({
      errorCode: 'INVALID_TOPIC_EXCEPTION',
      message: expect.stringContaining('collides with a.b'),
    });
    await expect(world.engine.describeTopic('a_b')).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });

  test.each([0, -1, 1.5, 10_001, Number.NaN])('refuses %s partitions', async (partitions) => {
    await expect(world.engine.createTopic({ topic: 't', partitions })).rejects.toMatchObject({
      errorCode: 'INVALID_PARTITIONS',
    });
  });

  test('the first append makes a head that the creator of the topic did not live to make', async () => {
    const { topicId } = await world.engine.createTopic({ topic: 't', partitions: 2 });
    for (const partition of [0, 1])
      await world.table.write({ kind: 'delete', key: { pk: `${topicId}/${partition}`, sk: 'h' } });
    expect((await appendOne(createEngine(world), 0, batchOf(['a']))).baseOffset).toBe(0);
    expect((await appendOne(createEngine(world), 1, batchOf(['b']))).baseOffset).toBe(0);
  });

  test('a partition whose head was never made is empty to readers, and they write nothing', async () => {
    const { topicId } = await world.engine.createTopic({ topic: 't' });
    await world.table.write({ kind: 'delete', key: headKey(topicId, 0) });
    const denied = () => Promise.reject(new StorageError('denied', 'read only'));
    const reader = createEngine({ ...world, table: { ...world.table, write: denied, transact: denied } });
    const at = (offset: number) =>
      reader
        .fetch({ topic: 't', waitMs: 500, partitions: [{ partition: 0, offset }] })
        .then((reply) => reply.partitions);
    expect(await at(0)).toEqual([{ partition: 0, highWatermark: 0, logStartOffset: 0, batches: [] }]);
    expect(await at(1)).toMatchObject([{ error: { errorCode: 'OFFSET_OUT_OF_RANGE' } }]);
    expect((await reader.offsets({ topic: 't', at: 5 })).partitions).toMatchObject([{ offset: -1 }]);
    expect((await reader.describePartitions({ topic: 't' })).partitions).toMatchObject([{ earliest: 0, latest: 0 }]);
    expect(await world.table.get(headKey(topicId, 0))).toBeUndefined();
    await appendOne(world.engine, 0, batchOf(['a']));
    expect(valuesOf(await readAll(reader, 0))).toEqual(['a']);
  });

  /** Makes an engine whose first transaction acts (`copies` times) and loses its reply. Then `meanwhile` happens. */
  const losingReply = (copies: number, meanwhile: () => Promise<unknown>) => {
    let late: (() => Promise<unknown>) | undefined;
    const table: Table = {
      ...world.table,
      async transact(actions, token) {
        if (late) return world.table.transact(actions, token);
        // The table remembers tokens for ten minutes, and these copies are older.
        late = () => world.table.transact(actions, `${copies++}${token.slice(2)}`);
        for (let i = copies; i > 0; i--) await late();
        await meanwhile();
        throw new StorageError('no-answer', 'the reply is lost');
      },
    };
    const engine = createEngine({ ...world, table: retryingTable(table, world.clock) });
    return { engine, late: () => late!() };
  };

  test('a delayed duplicate of a creation does not bring a deleted topic back', async () => {
    const { engine, late } = losingReply(1, async () => {});
    const { topicId } = await engine.createTopic({ topic: 't' });
    await world.engine.deleteTopic('t');
    await late();
    await expect(createEngine(world).describeTopic('t')).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    expect((await world.engine.createTopic({ topic: 't' })).topicId).not.toBe(topicId);
    await late();
    expect((await appendOne(createEngine(world), 0, batchOf(['a']))).baseOffset).toBe(0);
  });

  test.each([
    ['that landed', 1, async () => {}],
    ['that did not land', 0, async () => {}],
    ['whose topic was deleted meanwhile', 1, () => world.engine.deleteTopic('t')],
    [
      'whose name is taken by another topic meanwhile',
      1,
      async () => {
        await world.engine.deleteTopic('t');
        await world.engine.createTopic({ topic: 't' });
      },
    ],
  ])('a creation whose reply is lost succeeds nevertheless: one %s', async (_which, copies, meanwhile) => {
    const { engine } = losingReply(copies, meanwhile);
    expect((await engine.createTopic({ topic: 't' })).topicId).toMatch(/^[\w-]{22}$/);
  });

  test('a creation whose reply is lost is refused when another has the name', async () => {
    const { engine } = losingReply(0, () => world.engine.createTopic({ topic: 't' }));
    await expect(engine.createTopic({ topic: 't' })).rejects.toMatchObject({ errorCode: 'TOPIC_ALREADY_EXISTS' });
  });
});

test('list goes by name, in pages', async () => {
  for (const topic of ['c', 'a', 'b']) await world.engine.createTopic({ topic });
  const first = await world.engine.listTopics({ limit: 2 });
  expect([first.topics.map(({ topic }) => topic), first.more]).toEqual([['a', 'b'], true]);
  const second = await world.engine.listTopics({ limit: 2, after: 'b' });
  expect([second.topics.map(({ topic }) => topic), second.more]).toEqual([['c'], false]);
});

describe('if the table refuses after the topic was created or deleted', () => {
  const refusing = (isRefused: (write: Write) => boolean) => {
    const table = { ...world.table };
    table.write = (write) =>
      isRefused(write) ? Promise.reject(new StorageError('throttled', 'injected')) : world.table.write(write);
    return createEngine({ ...world, table });
  };

  test('create succeeds, and the appends that need the heads make them', async () => {
    await refusing((write) => write.kind === 'put' && write.item.sk === 'h').createTopic({ topic: 't', partitions: 3 });
    expect((await appendOne(world.engine, 2, batchOf(['a']))).baseOffset).toBe(0);
  });

  test('delete keeps the name until every partition is closed, and can be repeated', async () => {
    await world.engine.createTopic({ topic: 't', partitions: 3 });
    const deleted = refusing((write) => write.kind === 'update').deleteTopic('t');
    await expect(deleted).rejects.toMatchObject({ errorCode: 'STORAGE_UNAVAILABLE', outcome: 'unknown' });
    expect(await world.engine.describeTopic('t')).toMatchObject({ partitions: 3 });
    await world.engine.deleteTopic('t');
    await expect(world.engine.describeTopic('t')).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });
});

describe('alter', () => {
  test('adds partitions that can be written immediately, even by a process with an old copy of the topic', async () => {
    await world.engine.createTopic({ topic: 't' });
    const other = createEngine(world);
    await appendOne(other, 0, batchOf(['a']));
    await world.engine.alterTopic({ topic: 't', partitions: 3 });
    expect((await appendOne(other, 2, batchOf(['b']))).baseOffset).toBe(0);
    await expect(world.engine.alterTopic({ topic: 't', partitions: 2 })).rejects.toMatchObject({
      errorCode: 'INVALID_PARTITIONS',
      message: expect.stringContaining('only grow'),
    });
  });

  test('sets and resets configurations', async () => {
    await world.engine.createTopic({ topic: 't', config: { 'retention.ms': '1', 'segment.ms': '5' } });
    const { config } = await world.engine.alterTopic({
      topic: 't',
      config: { 'retention.ms': null, 'retention.bytes': '9' },
    });
    expect(configOf(config, 'retention.ms')).toMatchObject({ value: '604800000', isDefault: true });
    expect(configOf(config, 'retention.bytes')).toMatchObject({ value: '9', isDefault: false });
    expect(configOf(config, 'segment.ms')).toMatchObject({ value: '5', isDefault: false });
  });
});

describe('two requests at the same time', () => {
  /** Runs `other` just before the first write that `isWrite` picks. */
  const meanwhile = (isWrite: (write: Write) => boolean, other: () => Promise<unknown>) => {
    let isDone = false;
    const first = async (matches: boolean) => {
      if (!matches || isDone) return;
      isDone = true;
      await other();
    };
    const table = { ...world.table };
    table.write = async (write) => {
      await first(isWrite(write));
      return world.table.write(write);
    };
    table.transact = async (actions, token) => {
      await first(actions.some((action) => action.kind !== 'check' && isWrite(action)));
      return world.table.transact(actions, token);
    };
    return table;
  };

  test('a deletion does not leave open the partitions that were added meanwhile', async () => {
    await world.engine.createTopic({ topic: 't' });
    const table = meanwhile(
      (write) => write.kind === 'delete',
      () => world.engine.alterTopic({ topic: 't', partitions: 4 }),
    );
    const deleted = createEngine({ ...world, table }).deleteTopic('t');
    await expect(deleted).rejects.toMatchObject({ errorCode: 'STORAGE_UNAVAILABLE', outcome: 'unknown' });
    await world.engine.deleteTopic('t');
    await expect(tryAppend(createEngine(world), 3, batchOf(['x']))).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });

  test('a change whose reply was lost, and which another followed, is not reported as not-written', async () => {
    await world.engine.createTopic({ topic: 't' });
    const table = { ...world.table };
    table.write = async (write) => {
      const result = await world.table.write(write);
      if (write.kind !== 'update' || !result.applied) return result;
      await world.engine.alterTopic({ topic: 't', config: { 'segment.ms': '9' } });
      return { ...(await world.table.write(write)), doubtful: true };
    };
    const altered = createEngine({ ...world, table }).alterTopic({ topic: 't', config: { 'max.message.bytes': '9' } });
    await expect(altered).rejects.toMatchObject({ errorCode: 'STORAGE_UNAVAILABLE', outcome: 'unknown' });
  });
});

describe('delete', () => {
  test('a re-created topic is a new topic: it has a new id, offsets from 0, and none of the old data', async () => {
    const before = await world.engine.createTopic({ topic: 't' });
    await appendOne(world.engine, 0, batchOf(['old']));
    await world.engine.deleteTopic('t');
    await expect(world.engine.describeTopic('t')).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    const after = await world.engine.createTopic({ topic: 't' });
    expect(after.topicId).not.toBe(before.topicId);
    expect(await readAll(world.engine, 0)).toEqual([]);
    expect((await appendOne(world.engine, 0, batchOf(['new']))).baseOffset).toBe(0);
  });

  test('a process with an old copy reads, and writes records, in the topic that has the name now', async () => {
    await world.engine.createTopic({ topic: 't' });
    const stale = createEngine(world);
    await appendOne(stale, 0, batchOf(['old']));
    await world.engine.deleteTopic('t');
    const { topicId } = await world.engine.createTopic({ topic: 't' });
    const record = { key: null, value: new Uint8Array([1]), headers: [] };
    expect(await stale.appendRecords({ topic: 't', records: [record] })).toMatchObject({
      topicId,
      records: [{ offset: 0 }],
    });
    await world.engine.deleteTopic('t');
    await world.engine.createTopic({ topic: 't' });
    expect(await readAll(stale, 0)).toEqual([]);
    await world.engine.deleteTopic('t');
    await world.engine.createTopic({ topic: 't' });
    expect((await stale.offsets({ topic: 't', at: 'latest' })).partitions).toEqual([
      { partition: 0, offset: 0, timestampMs: -1 },
    ]);
  });

  test('a process with an old copy cannot revive the topic, and writes to the new topic of that name', async () => {
    const { topicId } = await world.engine.createTopic({ topic: 't' });
    const stale = createEngine(world);
    await appendOne(stale, 0, batchOf(['old']));
    await world.engine.deleteTopic('t');
    await expect(tryAppend(stale, 0, batchOf(['lost']))).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
      outcome: 'not-written',
    });
    await world.engine.createTopic({ topic: 't' });
    const stale2 = createEngine(world);
    await appendOne(stale2, 0, batchOf(['a']));
    await world.engine.deleteTopic('t');
    await world.engine.createTopic({ topic: 't' });
    expect((await appendOne(stale2, 0, batchOf(['b']))).baseOffset).toBe(0);
    const request = { topic: 't', topicId, partitions: [{ partition: 0, batches: batchOf(['c']) }] };
    await expect(stale2.append(request)).rejects.toMatchObject({ errorCode: 'INCONSISTENT_TOPIC_ID' });
  });

  test.each([
    ['deletion', (engine: Engine) => engine.deleteTopic('t')],
    ['change', (engine: Engine) => engine.alterTopic({ topic: 't', partitions: 2 })],
  ] as const)('a %s that slept does not touch the topic that was created meanwhile', async (_what, change) => {
    const { engine, table, objects, clock } = world;
    await engine.createTopic({ topic: 't' });
    const sleeper = createEngine({
      ...{ objects, clock },
      table: {
        ...table,
        async get(key, options) {
          if (key.sk !== 't') return table.get(key, options);
          await engine.deleteTopic('t');
          await engine.createTopic({ topic: 't' });
          clock.advance(3_600_000);
          return table.get(key, options);
        },
      },
    });
    await expect(change(sleeper)).rejects.toMatchObject({
      errorCode: 'REQUEST_TIMED_OUT',
      outcome: 'not-written',
      message: expect.stringContaining('3600000 ms old, above the limit of 60000'),
    });
    await appendOne(engine, 0, batchOf(['a']));
    expect((await engine.describeTopic('t')).partitions).toBe(1);
  });
});
