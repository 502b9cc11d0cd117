// A test for each property of a consumer: two values behave differently, or the property gets a note.
import { expect, test } from 'vitest';
import { consumerFromProperties, type KafkaProperties } from '../../../client/properties.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { scriptedGroup } from '../scripted-group.ts';
import { batches, logs } from '../scripted-logs.ts';
import { fetchAsked, fetchReply, isFetch, type Script } from '../scripted-server.ts';
import { consumerBy } from './clients.ts';

const soon = { timeout: 5_000 };

/** Reads ten records as a member of a group. */
async function memberBy(properties: KafkaProperties, heartbeatIntervalMs = 20) {
  const group = scriptedGroup(logs([10]));
  Object.assign(group, { assigned: [0], heartbeatIntervalMs });
  const { server, consumer, notes } = await consumerBy({ 'group.id': 'g', ...properties }, group.script);
  consumer.subscribe({ topics: ['t'] });
  return { group, server, consumer, notes };
}

/** The body of the first heartbeat. */
async function heartbeatBy(properties: KafkaProperties) {
  const { group, server, consumer } = await memberBy(properties);
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => group.heartbeats.length, soon).toBeGreaterThan(0);
  await consumer.stop();
  await run;
  const { path } = server.received.find((request) => request.path.endsWith('/heartbeat'))!;
  return { path, ...(group.heartbeats[0] as object) } as Record<string, unknown>;
}

test('group.id names the group', async () => {
  expect((await heartbeatBy({ 'group.id': 'a' })).path).toMatch('/v1/groups/a/');
  expect((await heartbeatBy({ 'group.id': 'b' })).path).toMatch('/v1/groups/b/');
});

test('group.instance.id goes to the service', async () => {
  expect(await heartbeatBy({ 'group.instance.id': 'a' })).toMatchObject({ instanceId: 'a' });
  expect(await heartbeatBy({})).not.toHaveProperty('instanceId');
});

test('group.remote.assignor goes to the service', async () => {
  expect(await heartbeatBy({ 'group.remote.assignor': 'range' })).toMatchObject({ serverAssignor: 'range' });
  expect(await heartbeatBy({ 'group.remote.assignor': 'uniform' })).toMatchObject({ serverAssignor: 'uniform' });
});

test('partition.assignment.strategy chooses the assignor, and others get a note', async () => {
  const name = 'partition.assignment.strategy';
  const strategy = (short: string) => ({ [name]: `org.apache.kafka.clients.consumer.${short}Assignor` });
  expect(await heartbeatBy(strategy('Range'))).toMatchObject({ serverAssignor: 'range' });
  expect(await heartbeatBy(strategy('CooperativeSticky'))).not.toMatchObject({ serverAssignor: 'range' });
  expect(consumerFromProperties(strategy('RoundRobin')).notes).toEqual([
    'partition.assignment.strategy means the assignor uniform here, which moves as few partitions as it can',
  ]);
});

/** Reads to the end as a member, and stops. @returns what was committed before the stop, and after it */
async function commitsBy(properties: KafkaProperties, waitMs = 100) {
  const { group, consumer } = await memberBy(properties);
  const handled: number[] = [];
  const run = consumer.run({ eachMessage: ({ offset }) => void handled.push(offset) });
  await expect.poll(() => handled.length, soon).toBe(10);
  for (let waitedMs = 0; waitedMs < waitMs && group.offsets.get(0) !== 10; waitedMs += 10) await systemClock.sleep(10);
  const before = group.offsets.get(0);
  await consumer.stop();
  await run;
  return [before, group.offsets.get(0)];
}

test('enable.auto.commit commits what was handled', async () => {
  expect(await commitsBy({ 'enable.auto.commit': true })).toEqual([undefined, 10]);
  expect(await commitsBy({ 'enable.auto.commit': false })).toEqual([undefined, undefined]);
});

test('auto.commit.interval.ms is the interval', async () => {
  expect(await commitsBy({ 'auto.commit.interval.ms': 10 }, 5_000)).toEqual([10, 10]);
  expect(await commitsBy({ 'auto.commit.interval.ms': 60_000 })).toEqual([undefined, 10]);
});

test('auto.offset.reset says where to begin', async () => {
  const first = async (reset: string) => {
    const log = logs([10]);
    const script: Script = (request) => {
      if (!request.path.endsWith('/offsets') || request.path.startsWith('/v1/groups/')) return log(request);
      const offset = request.query.get('at') === 'latest' ? 9 : 0;
      return { json: { topicId: '', partitions: [{ partition: 0, offset, timestamp: -1 }] } };
    };
    const { consumer } = await consumerBy({ 'auto.offset.reset': reset }, script);
    consumer.assign([{ topic: 't', partition: 0 }]);
    for await (const { offset } of consumer) return offset;
    return undefined;
  };
  expect(await first('earliest')).toBe(0);
  expect(await first('latest')).toBe(9);
  await expect(first('none')).rejects.toThrow('offset: expected one for t-0, because autoOffsetReset is none');
});

test('max.poll.records bounds a batch of the handler', async () => {
  const sizes = async (most: number) => {
    const { consumer } = await consumerBy({ 'max.poll.records': most }, logs([10], 10, 10));
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
    const found: number[] = [];
    await consumer.run({
      eachBatch: ({ messages }) => {
        found.push(messages.length);
        if (messages.at(-1)!.offset === 9) void consumer.stop();
      },
    });
    return found;
  };
  expect(await sizes(4)).toEqual([4, 4, 2]);
  expect(await sizes(500)).toEqual([10]);
});

test('max.poll.interval.ms ends the membership of a slow handler', async () => {
  const left = async (ms: number) => {
    const { group, consumer } = await memberBy({ 'max.poll.interval.ms': ms, 'session.timeout.ms': 6_000 });
    const handling = Promise.withResolvers<void>();
    const run = consumer.run({ eachMessage: () => handling.promise });
    for (let turns = 0; turns < 200 && group.left() === undefined; turns++) await systemClock.sleep(10);
    const isOut = group.left() !== undefined;
    handling.resolve();
    await consumer.stop();
    await run;
    return isOut;
  };
  expect(await Promise.all([left(50), left(60_000)])).toEqual([true, false]);
});

test('session.timeout.ms goes to the service', async () => {
  expect(await heartbeatBy({ 'session.timeout.ms': 6_000 })).toMatchObject({ sessionTimeoutMs: 6_000 });
  expect(await heartbeatBy({ 'session.timeout.ms': 60_000 })).toMatchObject({ sessionTimeoutMs: 60_000 });
});

test('heartbeat.interval.ms is the interval of heartbeats', async () => {
  const beats = async (ms: number) => {
    const { group, consumer } = await memberBy({ 'heartbeat.interval.ms': ms }, ms);
    const run = consumer.run({ eachMessage: () => undefined });
    await expect.poll(() => consumer.assignment().length, soon).toBe(1);
    const before = group.heartbeats.length;
    await systemClock.sleep(1_300);
    const found = group.heartbeats.length - before;
    await consumer.stop();
    await run;
    return found;
  };
  const [often, seldom] = await Promise.all([beats(500), beats(15_000)]);
  expect(often).toBeGreaterThan(0);
  expect(seldom).toBe(0);
});

/** The body of a fetch request. The first is sent while nothing has been read. */
async function fetchBy(properties: KafkaProperties): Promise<object> {
  const { server, consumer } = await consumerBy(properties, logs([1]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  for await (const _message of consumer) break;
  return fetchAsked(server.received.find(isFetch)!);
}

test('fetch.min.bytes goes to the service', async () => {
  expect(await fetchBy({ 'fetch.min.bytes': 0 })).toMatchObject({ minBytes: 0 });
  expect(await fetchBy({ 'fetch.min.bytes': 1_000 })).toMatchObject({ minBytes: 1_000 });
});

test('fetch.max.bytes goes to the service, up to the most that it takes', async () => {
  expect(await fetchBy({ 'fetch.max.bytes': 1_000 })).toMatchObject({ maxBytes: 1_000 });
  expect(await fetchBy({ 'fetch.max.bytes': 52_428_800 })).toMatchObject({ maxBytes: 4_194_304 });
});

test('max.partition.fetch.bytes goes to the service, up to the most that it takes', async () => {
  const asked = async (bytes: number) => fetchBy({ 'max.partition.fetch.bytes': bytes });
  expect(await asked(1_000)).toMatchObject({ partitions: [{ maxBytes: 1_000 }] });
  expect(await asked(52_428_800)).toMatchObject({ partitions: [{ maxBytes: 4_194_304 }] });
});

test('fetch.max.wait.ms bounds the wait of a poll', async () => {
  const longest = async (ms: number) => {
    const { server, consumer } = await consumerBy({ 'fetch.max.wait.ms': ms }, logs([0]));
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
    const run = consumer.run({ eachMessage: () => undefined });
    await systemClock.sleep(200);
    await consumer.stop();
    await run;
    return Math.max(...server.received.filter(isFetch).map((request) => fetchAsked(request).waitMs));
  };
  expect(await Promise.all([longest(30), longest(20_000)])).toEqual([30, 500]);
});

test('isolation.level gets a note', () => {
  for (const level of ['read_committed', 'read_uncommitted'])
    expect(consumerFromProperties({ 'isolation.level': level })).toEqual({
      ...{ options: {}, connection: {} },
      notes: ['isolation.level has no effect: nothing that is not committed can be read'],
    });
});

test('client.rack gets a note', () =>
  expect(consumerFromProperties({ 'client.rack': 'a' })).toEqual({
    ...{ options: {}, connection: {} },
    notes: ['client.rack has no effect: the storage is in all zones'],
  }));

/** One record whose key is 7 as an integer, and whose value is v0. */
const record = encodeBatch([
  { key: Buffer.from('00000007', 'hex'), value: Buffer.from('v0'), headers: [], timestampMs: 0 },
]);

async function messageBy(properties: KafkaProperties) {
  const { consumer } = await consumerBy(properties, (request) =>
    isFetch(request)
      ? fetchReply([{ partition: 0, highWatermark: 1, batches: [record, ...batches(1, 1)] }])
      : undefined,
  );
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  for await (const message of consumer) return message;
  return undefined;
}

test('key.deserializer makes keys of bytes', async () => {
  const type = 'org.apache.kafka.common.serialization.IntegerDeserializer';
  expect(await messageBy({ 'key.deserializer': type })).toMatchObject({ key: 7, value: Buffer.from('v0') });
  expect((await messageBy({ 'key.deserializer': 'StringDeserializer' }))?.key).toBe('\0\0\0\x07');
  await expect(messageBy({ 'key.deserializer': 'LongDeserializer' })).rejects.toMatchObject({
    ...{ errorCode: 'DESERIALIZATION_ERROR', topic: 't', partition: 0, offset: 0 },
  });
});

test('value.deserializer makes values of bytes', async () => {
  const value = async (type: string) => (await messageBy({ 'value.deserializer': `${type}Deserializer` }))?.value;
  expect(await value('String')).toBe('v0');
  expect(await value('Short')).toBe(0x7630);
  expect(await value('ByteArray')).toEqual(Buffer.from('v0'));
});
