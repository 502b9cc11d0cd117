// The transactions of the SDK, over the embedded service.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { type Backend, startEmbedded, startProxy } from './embedded.ts';

let backend: Backend;
let rivulet: Rivulet;
let names = 0;

beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url, retry: { retries: 3, baseMs: 5, capMs: 20 } });
});
afterAll(() => backend?.close());

async function newTopic(): Promise<string> {
  const topic = `t${++names}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 2 }] });
  return topic;
}

async function valuesOf(topic: string, count: number): Promise<string[]> {
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([0, 1].map((partition) => ({ topic, partition })));
  const values: string[] = [];
  for await (const { value } of consumer) if (values.push(String(value)) === count) break;
  await consumer.stop();
  return values.sort();
}

const latest = async (topic: string) =>
  (await rivulet.admin().fetchTopicOffsets(topic)).map(({ latest: offset }) => offset);

test('records of two topics become visible together', async () => {
  const [one, two] = [await newTopic(), await newTopic()];
  const producer = rivulet.producer({ transactionalId: 'together' });
  const tx = await producer.transaction();
  expect(await tx.send({ topic: one, messages: [{ value: 'a', partition: 0 }] })).toMatchObject([{ offset: -1 }]);
  await tx.send({ topic: two, messages: [{ value: 'b', partition: 1 }] });
  expect([await latest(one), await latest(two)]).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(await tx.commit({ offsets: true })).toMatchObject([{ baseOffset: 0 }, { baseOffset: 0 }]);
  expect(tx.isActive()).toBe(false);
  expect([await valuesOf(one, 1), await valuesOf(two, 1)]).toEqual([['a'], ['b']]);
});

test('a commit whose reply was lost returns where the records are', async () => {
  const topic = await newTopic();
  let commits = 0;
  const proxy = await startProxy(backend.url, ({ url }) =>
    url?.endsWith('/commit') && commits++ < 2 ? 'lose reply' : 'none',
  );
  const behind = new Rivulet({ url: proxy.url, retry: { retries: 3, baseMs: 1, capMs: 5 } });
  await rivulet.producer().send({ topic, messages: [{ value: 'before', partition: 1 }] });
  const tx = await behind.producer({ transactionalId: 'unheard' }).transaction();
  await tx.send({ topic, messages: ['a', 'b'].map((value) => ({ value, partition: 1 })) });
  expect(await tx.commit({ offsets: true })).toMatchObject([{ partition: 1, baseOffset: 1, records: 2 }]);
  expect(commits).toBe(3);
  await proxy.close();
});

test('an aborted transaction leaves nothing, and the producer goes on', async () => {
  const topic = await newTopic();
  const producer = rivulet.producer({ transactionalId: 'aborted' });
  const first = await producer.transaction();
  await first.send({ topic, messages: [{ value: 'dropped' }] });
  await first.abort();
  const second = await producer.transaction();
  await second.send({ topic, messages: [{ value: 'kept' }] });
  await second.commit();
  expect(await valuesOf(topic, 1)).toEqual(['kept']);
});

test('two transactions that are begun at once are one: the other call is refused', async () => {
  const topic = await newTopic();
  const producer = rivulet.producer({ transactionalId: 'at-once' });
  const begun = await Promise.allSettled([producer.transaction(), producer.transaction()]);
  const sent = begun.map(async (one, at) => {
    if (one.status === 'rejected') throw one.reason;
    await one.value.send({ topic, messages: [{ value: `v${at}`, partition: 0 }] });
    await one.value.commit();
  });
  const [first, second] = await Promise.allSettled(sent);
  expect(first).toMatchObject({ status: 'fulfilled' });
  expect(second).toMatchObject({
    status: 'rejected',
    reason: { message: expect.stringContaining('a transaction of at-once is open') },
  });
  expect(await latest(topic)).toEqual([1, 0]);
});

test('a newer instance fences an older one', async () => {
  const topic = await newTopic();
  const old = await rivulet.producer({ transactionalId: 'fenced' }).transaction();
  await old.send({ topic, messages: [{ value: 'zombie' }] });
  const now = await rivulet.producer({ transactionalId: 'fenced' }).transaction();
  await expect(old.commit()).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED', outcome: 'not-written' });
  await now.send({ topic, messages: [{ value: 'a' }] });
  await now.commit();
  expect(await valuesOf(topic, 1)).toEqual(['a']);
});

test('the offsets of a group are committed with the records', async () => {
  const [from, to] = [await newTopic(), await newTopic()];
  await rivulet.producer().send({ topic: from, messages: [{ value: 'in', partition: 0 }] });
  const producer = rivulet.producer({ transactionalId: 'offsets' });
  const consumer = rivulet.consumer({ groupId: 'offsets', autoCommit: false, autoOffsetReset: 'earliest' });
  consumer.subscribe({ topics: [from] });
  const { value: message } = await consumer[Symbol.asyncIterator]().next();
  const sendAll = async (tx: Awaited<ReturnType<typeof producer.transaction>>) => {
    await tx.send({ topic: to, messages: [{ value: 'out' }] });
    const partitions = [{ partition: message!.partition, offset: message!.offset + 1 }];
    await tx.sendOffsets({ consumer, topics: [{ topic: from, partitions }] });
  };
  const dropped = await producer.transaction();
  await sendAll(dropped);
  await dropped.abort();
  expect(await consumer.committed(from)).toEqual([]);
  const kept = await producer.transaction();
  await sendAll(kept);
  expect(await consumer.committed(from)).toEqual([]);
  await kept.commit();
  expect(await consumer.committed(from)).toMatchObject([{ partition: 0, offset: 1 }]);
  expect(await valuesOf(to, 1)).toEqual(['out']);
  await consumer.stop();
});

test('a transaction whose consumer has left the group is aborted', async () => {
  const [from, to] = [await newTopic(), await newTopic()];
  await rivulet.producer().send({ topic: from, messages: [{ value: 'in', partition: 0 }] });
  const consumer = rivulet.consumer({ groupId: 'left', autoCommit: false, autoOffsetReset: 'earliest' });
  consumer.subscribe({ topics: [from] });
  await consumer[Symbol.asyncIterator]().next();
  const tx = await rivulet.producer({ transactionalId: 'left' }).transaction();
  await tx.send({ topic: to, messages: [{ value: 'out' }] });
  await tx.sendOffsets({ consumer, topics: [{ topic: from, partitions: [{ partition: 0, offset: 1 }] }] });
  await consumer.stop();
  const next = rivulet.consumer({ groupId: 'left', autoOffsetReset: 'earliest' });
  next.subscribe({ topics: [from] });
  await next[Symbol.asyncIterator]().next();
  await expect(tx.commit()).rejects.toMatchObject({ errorCode: 'INVALID_PRODUCER_EPOCH', outcome: 'not-written' });
  expect(await latest(to)).toEqual([0, 0]);
  await next.stop();
});

test('after a failed send the commit aborts', async () => {
  const topic = await newTopic();
  const tx = await rivulet.producer({ transactionalId: 'failed' }).transaction();
  await tx.send({ topic, messages: [{ value: 'a' }] });
  await expect(tx.send({ topic, messages: [{ value: 'b', partition: 7 }] })).rejects.toMatchObject({
    outcome: 'not-written',
  });
  await expect(tx.commit()).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written' });
  expect(await latest(topic)).toEqual([0, 0]);
});

test('the loop has each input once, though its replies are lost and transactions refused', async () => {
  const [from, to] = [await newTopic(), await newTopic()];
  const inputs = Array.from({ length: 60 }, (_, i) => ({ value: `v${i}`, partition: i % 2 }));
  await rivulet.producer().send({ topic: from, messages: inputs });
  let requests = 0;
  const proxy = await startProxy(backend.url, ({ method, url }) => {
    const isHit = method === 'POST' && /transactions|records|offsets/.test(url ?? '') && requests++ % 5 === 3;
    return isHit ? 'lose reply' : 'none';
  });
  const behind = new Rivulet({ url: proxy.url, retry: { retries: 3, baseMs: 5, capMs: 20 } });
  const work = behind.exactlyOnce({
    groupId: 'loop',
    from,
    to,
    transform: ({ value }) => ({ value: `${value} done` }),
    consumer: { maxPollRecords: 7 },
  });
  const running = work.run();
  const results = await valuesOf(to, inputs.length);
  await work.stop();
  await running;
  expect(results).toEqual(inputs.map(({ value }) => `${value} done`).sort());
  expect((await latest(to)).reduce((sum, end) => sum + end, 0)).toBe(inputs.length);
  await proxy.close();
});

test('the loop refuses a group that it cannot make ids of, before it reads anything', () => {
  const begin = (groupId: unknown) => () =>
    rivulet.exactlyOnce({ groupId: groupId as string, from: 'a', transform: () => null });
  const long = 'g'.repeat(218);
  expect(begin(long)).toThrow(
    `groupId: expected at most 217 characters, because a transactional id is made of it, got '${long}' with 218`,
  );
  expect(begin(long.slice(1))).not.toThrow();
  expect(begin(undefined)).toThrow('groupId: expected text, got undefined');
});

test('a long outage in the middle of a commit doubles no input, whatever became of the commit', async () => {
  const [from, to] = [await newTopic(), await newTopic()];
  const inputs = Array.from({ length: 20 }, (_, i) => ({ value: `v${i}`, partition: i % 2 }));
  await rivulet.producer().send({ topic: from, messages: inputs });
  let ends = 0;
  const proxy = await startProxy(backend.url, ({ url }) =>
    /\/(commit|abort)$/.test(url ?? '') && ends++ < 14 ? 'lose reply' : 'none',
  );
  const behind = new Rivulet({ url: proxy.url, retry: { retries: 3, baseMs: 1, capMs: 5 } });
  const work = behind.exactlyOnce({ groupId: 'outage', from, to, transform: ({ value }) => ({ value }) });
  const running = work.run();
  const results = await valuesOf(to, inputs.length);
  await work.stop();
  await running;
  expect(ends).toBeGreaterThan(14);
  expect(results).toEqual(inputs.map(({ value }) => value).sort());
  expect((await latest(to)).reduce((sum, end) => sum + end, 0)).toBe(inputs.length);
  await proxy.close();
});

test('a commit whose answer was lost is never called not written', async () => {
  const topic = await newTopic();
  let commits = 0;
  const proxy = await startProxy(backend.url, ({ url }) =>
    /\/commit$/.test(url ?? '') && commits++ === 0 ? 'lose reply' : 'none',
  );
  const behind = new Rivulet({ url: proxy.url, retry: { retries: 0, baseMs: 1, capMs: 5 } });
  const tx = await behind.producer({ transactionalId: 'unsure' }).transaction();
  await tx.send({ topic, messages: [{ value: 'a', partition: 0 }] });
  await expect(tx.commit()).rejects.toMatchObject({ outcome: 'unknown' });
  await rivulet.producer({ transactionalId: 'unsure' }).transaction();
  await expect(tx.commit()).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED', outcome: 'unknown' });
  expect(tx.isActive()).toBe(false);
  expect(await valuesOf(topic, 1)).toEqual(['a']);
  await proxy.close();
});

test('a commit has what was sent before it, also if nobody has waited for that', async () => {
  const [from, to] = [await newTopic(), await newTopic()];
  const tx = await rivulet.producer({ transactionalId: 'hasty' }).transaction();
  const sending = [
    tx.send({ topic: to, messages: [{ value: 'a' }] }),
    tx.sendOffsets({ groupId: 'hasty', topics: [{ topic: from, partitions: [{ partition: 0, offset: 7 }] }] }),
  ];
  await tx.commit();
  await Promise.all(sending);
  const [committed] = await rivulet.admin().fetchOffsets({ groupId: 'hasty', topics: [{ topic: from }] });
  expect(committed!.partitions).toContainEqual(expect.objectContaining({ partition: 0, offset: 7 }));
  expect(await valuesOf(to, 1)).toEqual(['a']);
});
