import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Backend, startEmbedded, startProxy } from '../embedded.ts';

let backend: Backend;
let rivulet: Rivulet;
beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url });
});
afterAll(() => backend.close());

async function filled(topic: string, partitions: number, perPartition = 3): Promise<void> {
  await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  const producer = rivulet.producer();
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const messages = numbers.flatMap((partition) => Array(perPartition).fill({ partition, value: 'v' }));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

test('records are deleted below each offset, and -1 means all of a partition', async () => {
  await filled('a', 3);
  const partitions = [
    { partition: 2, offset: -1 },
    { partition: 0, offset: 2 },
  ];
  expect(await rivulet.admin().deleteTopicRecords({ topic: 'a', partitions })).toEqual([
    { topic: 'a', partition: 2, logStartOffset: 3 },
    { topic: 'a', partition: 0, logStartOffset: 2 },
  ]);
  expect((await rivulet.admin().fetchTopicOffsets('a')).map(({ earliest }) => earliest)).toEqual([2, 0, 3]);
  const { partitionDetails } = await rivulet.admin().describeTopic('a', { storage: true });
  expect(partitionDetails[2]).toMatchObject({ bytes: 0, storage: { logSegments: 0, logSegmentBytes: 0 } });
});

test('a call about more partitions than one request may name is divided', async () => {
  await filled('many', 300, 1);
  const partitions = Array.from({ length: 300 }, (_, partition) => ({ partition, offset: -1 }));
  const done = await rivulet.admin().deleteTopicRecords({ topic: 'many', partitions });
  expect(done.map(({ partition, logStartOffset }) => [partition, logStartOffset])).toEqual(
    partitions.map(({ partition }) => [partition, 1]),
  );
});

test('a repeat after a lost reply deletes nothing that was written since', async () => {
  await filled('c', 1);
  let lost = 0;
  const proxy = await startProxy(backend.url, ({ method }) =>
    method === 'POST' && lost++ === 0 ? 'lose reply' : 'none',
  );
  const unlucky = new Rivulet({ url: proxy.url, retry: { baseMs: 400 } }).admin();
  const deleting = unlucky.deleteTopicRecords({ topic: 'c', partitions: [{ partition: 0, offset: -1 }] });
  while (lost === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const producer = rivulet.producer();
  await producer.send({ topic: 'c', messages: [{ value: 'new' }] });
  await producer.disconnect();
  expect(await deleting).toEqual([{ topic: 'c', partition: 0, logStartOffset: 3 }]);
  expect(lost).toBe(2);
  await proxy.close();
});

test('a partition that is refused is named, with what was done to the others', async () => {
  await filled('d', 2);
  const partitions = [
    { partition: 0, offset: 1 },
    { partition: 1, offset: 4 },
  ];
  await expect(rivulet.admin().deleteTopicRecords({ topic: 'd', partitions })).rejects.toMatchObject({
    ...{ errorCode: 'OFFSET_OUT_OF_RANGE', topic: 'd', partition: 1, extra: { highWatermark: 3 } },
    results: [{ topic: 'd', partition: 0, logStartOffset: 1 }, { errorCode: 'OFFSET_OUT_OF_RANGE' }],
  });
});

test('what cannot be used is refused', async () => {
  const admin = rivulet.admin();
  await expect(admin.deleteTopicRecords({ topic: 'a', partitions: 'all' as never })).rejects.toThrow(
    'partitions: expected a list of { partition, offset }, got "all"',
  );
  await expect(
    admin.deleteTopicRecords({ topic: 'a', partitions: [{ partition: 0, offset: '3' as never }] }),
  ).rejects.toThrow('body.partitions[0].offset: expected');
  await expect(
    admin.deleteTopicRecords({ topic: 'missing', partitions: [{ partition: 0, offset: -1 }] }),
  ).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written' });
});
