import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admin } from '../../../client/admin/admin.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Backend, startEmbedded, startProxy } from '../embedded.ts';

let backend: Backend;
let admin: Admin;
beforeAll(async () => {
  backend = await startEmbedded();
  admin = new Rivulet({ url: backend.url }).admin();
});
afterAll(() => backend.close());

test('a topic is created, described, altered and deleted', async () => {
  const [made] = await admin.createTopics({
    topics: [{ topic: 'a', partitions: 2, config: { 'retention.ms': '1000' } }],
  });
  expect(made).toMatchObject({ topic: 'a', partitions: 2 });
  const described = await admin.describeTopic('a');
  expect(described.partitionDetails).toHaveLength(2);
  expect(described.config.find(({ name }) => name === 'retention.ms')).toMatchObject({
    value: '1000',
    isDefault: false,
  });
  await admin.alterTopic({ topic: 'a', config: { 'retention.ms': null } });
  expect((await admin.createPartitions({ topic: 'a', partitions: 3 })).partitions).toBe(3);
  await admin.deleteTopics({ topics: ['a'] });
  await expect(admin.describeTopic('a')).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    status: 404,
  });
});

test('creating a topic that exists is an error, unless ifNotExists is set', async () => {
  const topics = [{ topic: 'b', partitions: 1 }];
  await admin.createTopics({ topics });
  await expect(admin.createTopics({ topics })).rejects.toMatchObject({ errorCode: 'TOPIC_ALREADY_EXISTS' });
  expect(await admin.createTopics({ topics, ifNotExists: true })).toMatchObject([{ topic: 'b' }]);
});

test('creating and deleting survive a lost reply', async () => {
  let lost = 0;
  const proxy = await startProxy(backend.url, ({ method }) =>
    method !== 'GET' && lost++ % 2 === 0 ? 'lose reply' : 'none',
  );
  const unlucky = new Rivulet({ url: proxy.url, retry: { baseMs: 5 } }).admin();
  expect(await unlucky.createTopics({ topics: [{ topic: 'c', partitions: 2 }] })).toMatchObject([{ partitions: 2 }]);
  await unlucky.deleteTopics({ topics: ['c'] });
  expect(lost).toBe(4);
  await proxy.close();
});

test('all topics are listed, however many pages they take', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `page-${i.toString().padStart(2, '0')}`);
  await admin.createTopics({ topics: names.map((topic) => ({ topic })) });
  const listed = (await admin.listTopics()).map(({ topic }) => topic);
  expect(listed.filter((topic) => topic.startsWith('page-'))).toEqual(names);
});

test('a topic of many partitions is described completely', async () => {
  await admin.createTopics({ topics: [{ topic: 'wide', partitions: 300 }] });
  const { partitionDetails } = await admin.describeTopic('wide');
  expect(partitionDetails.map(({ partition }) => partition)).toEqual(Array.from({ length: 300 }, (_, i) => i));
});

test('offsets by time are found in more partitions than one request may search', async () => {
  await admin.createTopics({ topics: [{ topic: 'wider', partitions: 257 }] });
  const none = Array.from({ length: 257 }, (_, partition) => ({ partition, offset: -1, timestamp: -1 }));
  expect(await admin.fetchTopicOffsetsByTimestamp('wider', 1)).toEqual(none);
  expect(await admin.fetchTopicOffsetsAtMaxTimestamp('wider')).toEqual(none);
});

test('offsets are found by earliest, by latest, and by time', async () => {
  await admin.createTopics({ topics: [{ topic: 'd' }] });
  const messages = [1, 2, 3].map((n) => ({ value: 'v', timestamp: 1_700_000_000_000 + n * 1000 }));
  await new Rivulet({ url: backend.url }).producer().send({ topic: 'd', messages });
  expect(await admin.fetchTopicOffsets('d')).toEqual([{ partition: 0, earliest: 0, latest: 3 }]);
  expect(await admin.fetchTopicOffsetsByTimestamp('d', 1_700_000_002_000)).toMatchObject([{ offset: 1 }]);
  expect(await admin.fetchTopicOffsetsByTimestamp('d', 1_800_000_000_000)).toMatchObject([{ offset: -1 }]);
  expect(await admin.fetchTopicOffsetsAtMaxTimestamp('d')).toEqual([
    { partition: 0, offset: 2, timestamp: 1_700_000_003_000 },
  ]);
});

test('an invalid topic name is refused as a name', async () => {
  await expect(admin.describeTopic('a/b')).rejects.toMatchObject({ status: 400 });
});

test('the error of a call about several topics lists those created or deleted, and does not claim that nothing was', async () => {
  const topics = ['kin-a', 'kin-b', 'kin-c'].map((topic) => ({ topic }));
  await admin.createTopics({ topics: [topics[1]!] });
  await expect(admin.createTopics({ topics })).rejects.toMatchObject({
    errorCode: 'TOPIC_ALREADY_EXISTS',
    outcome: 'unknown',
    results: [
      { topic: 'kin-a', partitions: 1 },
      { errorCode: 'TOPIC_ALREADY_EXISTS', outcome: 'not-written', topic: 'kin-b' },
    ],
    topic: 'kin-b',
  });
  await expect(admin.deleteTopics({ topics: ['kin-a', 'kin-c', 'kin-b'] })).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    outcome: 'unknown',
    results: [{ topic: 'kin-a' }, { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written', topic: 'kin-c' }],
  });
  await expect(admin.deleteTopics({ topics: ['kin-c', 'kin-b'] })).rejects.toMatchObject({ outcome: 'not-written' });
});

test('offsets are searched by time in more partitions than one request may name', async () => {
  const topic = 'wide-in-time';
  await admin.createTopics({ topics: [{ topic, partitions: 300 }] });
  const messages = [1_000, 2_000].map((timestamp) => ({ value: 'v', partition: 299, timestamp }));
  await new Rivulet({ url: backend.url }).producer().send({ topic, messages });
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, 1_500);
  expect(found.map(({ partition }) => partition)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  expect(found.filter(({ offset }) => offset >= 0)).toEqual([{ partition: 299, offset: 1, timestamp: 2_000 }]);
  const groupId = 'of-the-wide';
  const topics = [{ topic, target: { to: 'datetime', timestamp: 1_500 } }] as const;
  const planned = await admin.resetOffsets({ groupId, topics, dryRun: true });
  expect(await admin.resetOffsets({ groupId, topics })).toEqual(planned);
  expect(planned).toHaveLength(300);
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [{ topic, partitions: [0, 299] }] });
  expect(offsets!.partitions.map(({ offset }) => offset)).toEqual([0, 1]);
  const consumer = new Rivulet({ url: backend.url }).consumer();
  consumer.assign([0, 128, 299].map((partition) => ({ topic, partition })));
  for (const partition of [0, 128, 299]) consumer.seek({ topic, partition, timestamp: 1_500 });
  for await (const { partition, offset } of consumer) {
    expect([partition, offset]).toEqual([299, 1]);
    break;
  }
});
