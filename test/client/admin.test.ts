import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admin } from '../../lib/client/admin.ts';
import { Rivulet } from '../../lib/client/rivulet.ts';
import { type Home, startEmbedded, startProxy } from './embedded.ts';

let home: Home;
let admin: Admin;
beforeAll(async () => {
  home = await startEmbedded();
  admin = new Rivulet({ url: home.url }).admin();
});
afterAll(() => home.close());

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

test('a topic that is there already is an error, unless that is wanted', async () => {
  const topics = [{ topic: 'b', partitions: 1 }];
  await admin.createTopics({ topics });
  await expect(admin.createTopics({ topics })).rejects.toMatchObject({ errorCode: 'TOPIC_ALREADY_EXISTS' });
  expect(await admin.createTopics({ topics, ifNotExists: true })).toMatchObject([{ topic: 'b' }]);
});

test('creating and deleting survive a lost reply', async () => {
  let lost = 0;
  const proxy = await startProxy(home.url, ({ method }) =>
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

test('a topic of many partitions is described whole', async () => {
  await admin.createTopics({ topics: [{ topic: 'wide', partitions: 300 }] });
  const { partitionDetails } = await admin.describeTopic('wide');
  expect(partitionDetails.map(({ partition }) => partition)).toEqual(Array.from({ length: 300 }, (_, i) => i));
});

test('offsets by time of more partitions than one request may search', async () => {
  await admin.createTopics({ topics: [{ topic: 'wider', partitions: 257 }] });
  const none = Array.from({ length: 257 }, (_, partition) => ({ partition, offset: -1, timestamp: -1 }));
  expect(await admin.fetchTopicOffsetsByTimestamp('wider', 1)).toEqual(none);
  expect(await admin.fetchTopicOffsetsAtMaxTimestamp('wider')).toEqual(none);
});

test('offsets: earliest and latest, and by time', async () => {
  await admin.createTopics({ topics: [{ topic: 'd' }] });
  const messages = [1, 2, 3].map((n) => ({ value: 'v', timestamp: 1_700_000_000_000 + n * 1000 }));
  await new Rivulet({ url: home.url }).producer().send({ topic: 'd', messages });
  expect(await admin.fetchTopicOffsets('d')).toEqual([{ partition: 0, earliest: 0, latest: 3 }]);
  expect(await admin.fetchTopicOffsetsByTimestamp('d', 1_700_000_002_000)).toMatchObject([{ offset: 1 }]);
  expect(await admin.fetchTopicOffsetsByTimestamp('d', 1_800_000_000_000)).toMatchObject([{ offset: -1 }]);
  expect(await admin.fetchTopicOffsetsAtMaxTimestamp('d')).toEqual([
    { partition: 0, offset: 2, timestamp: 1_700_000_003_000 },
  ]);
});

test('a name that is no topic name is refused as a name', async () => {
  await expect(admin.describeTopic('a/b')).rejects.toMatchObject({ status: 400 });
});
