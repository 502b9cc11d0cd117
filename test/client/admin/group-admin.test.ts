import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admin } from '../../../client/admin/admin.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { openConnection } from '../../../client/transport/connection.ts';
import { paths } from '../../../client/transport/paths.ts';
import { limits } from '../../../lib/api/limits.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { type Backend, startEmbedded, startProxy } from '../embedded.ts';

let backend: Backend;
let admin: Admin;
let names = 0;
beforeAll(async () => {
  backend = await startEmbedded();
  admin = new Rivulet({ url: backend.url }).admin();
});
afterAll(() => backend.close());

/** A topic of ten records in each partition, and a group that has read `offset` of them. */
async function started(partitions: number, offset: number) {
  const [topic, groupId] = [`topic-${++names}`, `group-${names}`];
  await admin.createTopics({ topics: [{ topic, partitions }] });
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const messages = numbers.flatMap((partition) =>
    Array.from({ length: 10 }, (_, i) => ({ partition, value: `${i}`, timestamp: 1_700_000_000_000 + i })),
  );
  await new Rivulet({ url: backend.url }).producer().send({ topic, messages });
  const at = numbers.map((partition) => ({ partition, offset }));
  await admin.setOffsets({ groupId, topic, partitions: at });
  return { topic, groupId };
}

test('groups are listed, described and deleted', async () => {
  const { topic, groupId } = await started(2, 4);
  expect(await admin.listGroups()).toContainEqual({ groupId, state: 'Empty', members: 0 });
  const [group] = await admin.describeGroups([groupId]);
  expect(group).toMatchObject({ groupId, state: 'Empty', memberDetails: [] });
  expect(group!.partitionDetails).toMatchObject([
    { topic, partition: 0, currentOffset: 4, logEndOffset: 10, lag: 6 },
    { topic, partition: 1, currentOffset: 4, logEndOffset: 10, lag: 6 },
  ]);
  await admin.deleteGroups([groupId]);
  await expect(admin.describeGroups([groupId])).rejects.toMatchObject({ errorCode: 'GROUP_ID_NOT_FOUND', status: 404 });
  await expect(admin.deleteGroups([groupId])).rejects.toMatchObject({ errorCode: 'GROUP_ID_NOT_FOUND' });
});

test('all groups are listed, however many pages they take', async () => {
  const { topic } = await started(1, 0);
  const groupIds = Array.from({ length: 120 }, (_, i) => `page-${i.toString().padStart(3, '0')}`);
  for (const groupId of groupIds) await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: 1 }] });
  const listed = (await admin.listGroups()).map(({ groupId }) => groupId);
  expect(listed.filter((groupId) => groupId.startsWith('page-'))).toEqual(groupIds);
});

test('offsets are fetched for all topics, for one topic, or for some of its partitions', async () => {
  const { topic, groupId } = await started(5, 3);
  const partitionsOf = async (topics?: { topic: string; partitions?: number[] }[]) => {
    const found = await admin.fetchOffsets({ groupId, ...(topics && { topics }) });
    expect(found.map((one) => one.topic)).toEqual([topic]);
    expect(found[0]!.partitions.every(({ offset }) => offset === 3)).toBe(true);
    return found[0]!.partitions.map(({ partition }) => partition);
  };
  expect(await partitionsOf()).toEqual([0, 1, 2, 3, 4]);
  expect(await partitionsOf([{ topic }])).toEqual([0, 1, 2, 3, 4]);
  expect(await partitionsOf([{ topic, partitions: [4, 0, 1] }])).toEqual([0, 1, 4]);
});

test('offsets are reset, after a dry run that changes nothing', async () => {
  const { topic, groupId } = await started(2, 5);
  const topics = [{ topic, target: { to: 'datetime', timestamp: 1_700_000_000_007 } }] as const;
  const planned = await admin.resetOffsets({ groupId, topics, dryRun: true });
  expect(planned).toMatchObject([
    { topic, partition: 0, previousOffset: 5, offset: 7 },
    { topic, partition: 1, previousOffset: 5, offset: 7 },
  ]);
  expect(await admin.resetOffsets({ groupId, topics })).toEqual(planned);
  const shifted = [{ topic, partitions: [1], target: { to: 'shift', by: -4 } }] as const;
  expect(await admin.resetOffsets({ groupId, topics: shifted })).toMatchObject([{ partition: 1, offset: 3 }]);
  const [offsets] = await admin.fetchOffsets({ groupId });
  expect(offsets!.partitions.map(({ offset }) => offset)).toEqual([7, 3]);
});

test('a shift whose reply is lost is applied once', async () => {
  const { topic, groupId } = await started(1, 8);
  let lost = 0;
  const proxy = await startProxy(backend.url, ({ url }) =>
    url?.endsWith('/reset') && lost++ % 2 === 0 ? 'lose reply' : 'none',
  );
  const unlucky = new Rivulet({ url: proxy.url, retry: { baseMs: 5 } }).admin();
  const topics = [{ topic, target: { to: 'shift', by: -2 } }] as const;
  expect(await unlucky.resetOffsets({ groupId, topics })).toMatchObject([{ offset: 6 }]);
  expect(lost).toBe(4);
  expect((await admin.fetchOffsets({ groupId }))[0]!.partitions).toMatchObject([{ offset: 6 }]);
  await proxy.close();
});

test('deleting a group survives a lost reply', async () => {
  const { groupId } = await started(1, 1);
  let lost = 0;
  const proxy = await startProxy(backend.url, () => (lost++ === 0 ? 'lose reply' : 'none'));
  await new Rivulet({ url: proxy.url, retry: { baseMs: 5 } }).admin().deleteGroups([groupId]);
  expect(lost).toBe(2);
  await expect(admin.describeGroups([groupId])).rejects.toMatchObject({ errorCode: 'GROUP_ID_NOT_FOUND' });
  await proxy.close();
});

test('offsets are deleted, also those of some partitions only', async () => {
  const { topic, groupId } = await started(4, 2);
  const some = { groupId, topics: [{ topic, partitions: [0, 2, 3] }] };
  expect(await admin.deleteGroupOffsets(some)).toEqual([0, 2, 3].map((partition) => ({ topic, partition })));
  expect((await admin.fetchOffsets({ groupId }))[0]!.partitions).toMatchObject([{ partition: 1, offset: 2 }]);
});

test('the error of a refused partition names the partition', async () => {
  const { topic, groupId } = await started(1, 0);
  const partitions = [{ partition: 3, offset: 0 }];
  await expect(admin.setOffsets({ groupId, topic, partitions })).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
  await expect(admin.setOffsets({ groupId: 'a/b', topic, partitions })).rejects.toMatchObject({
    errorCode: 'INVALID_GROUP_ID',
    outcome: 'not-written',
  });
});

test.each([
  [{ earliest: true }, /^INVALID_REQUEST: topics: expected a list of \{ topic \}, got undefined$/],
  [{ topics: ['orders'] }, /topics\[0\]: expected a value like \{ topic: 'orders' \}, got "orders"/],
  [
    { topics: [{ topic: 'orders' }] },
    /topics\[0\]\.target: expected a target like \{ to: 'earliest' \}, got undefined/,
  ],
  [{ topics: [{ topic: 'orders', target: {} }] }, /body\.topics\[0\]\.target\.to: expected a "to" of earliest/],
  [
    { topics: [{ topic: 'orders', partitions: 0, target: { to: 'latest' } }] },
    /topics\[0\]\.partitions: expected a list/,
  ],
])('a reset to %j is refused, naming what is wrong', async (given, sentence) => {
  // @ts-expect-error: JavaScript may call it like this.
  await expect(admin.resetOffsets({ groupId: 'g', ...given })).rejects.toThrow(sentence);
});

test.each(['', '.', '..'])(
  'the group %j, which no URL can name, is refused and not taken for another path',
  async (groupId) => {
    const { topic } = await started(1, 1);
    await admin.setOffsets({ groupId: 'offsets', topic, partitions: [{ partition: 0, offset: 3 }] });
    const refused = { errorCode: 'INVALID_GROUP_ID', detail: expect.stringContaining(`got "${groupId}"`) };
    await expect(admin.deleteGroupOffsets({ groupId, topics: [{ topic }] })).rejects.toMatchObject(refused);
    await expect(admin.deleteGroups([groupId])).rejects.toMatchObject({ ...refused, outcome: 'not-written' });
    expect((await admin.fetchOffsets({ groupId: 'offsets' }))[0]!.partitions).toMatchObject([{ offset: 3 }]);
    await admin.deleteGroups(['offsets']);
  },
);

test('a group too large for one reply is described completely, and so are its offsets', async () => {
  const [topic, groupId, partitions] = ['large', 'large', 1_100];
  await admin.createTopics({ topics: [{ topic, partitions }] });
  const connection = openConnection({
    ...{
      url: new URL(backend.url),
      region: 'us-east-1',
      clientId: 'test',
      requestTimeoutMs: 30_000,
      clock: systemClock,
    },
    credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
  });
  const metadata = 'm'.repeat(limits.offsetMetadataBytes);
  for (let from = 0; from < partitions; from += 400) {
    const part = Array.from({ length: Math.min(400, partitions - from) }, (_, i) => from + i);
    const topics = [{ topic, partitions: part.map((partition) => ({ partition, offset: 0, metadata })) }];
    const call = { method: 'POST', path: paths.groupOffsets(groupId), body: { topics }, writes: true } as const;
    await connection.ask(call);
  }
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const [group] = await admin.describeGroups([groupId]);
  expect(group!.partitionDetails.map(({ partition }) => partition)).toEqual(numbers);
  const [first] = await connection
    .ask<{ topics: { partitions: object[] }[] }>({
      ...{ method: 'GET', path: paths.groupOffsets(groupId), writes: false },
    })
    .then(({ topics }) => topics);
  expect(first!.partitions.length).toBeLessThan(partitions);
  const halves = [numbers.slice(0, 10), numbers.slice(11)];
  for (const [topics, wanted] of [
    [undefined, numbers],
    [[{ topic }], numbers],
    [[{ topic, partitions: halves.flat() }], halves.flat()],
  ] as const) {
    const [found, ...others] = await admin.fetchOffsets({ groupId, ...(topics && { topics }) });
    expect(found!.partitions.map(({ partition }) => partition)).toEqual(wanted);
    expect(others).toEqual([]);
  }
});

test('the error of a call about several groups lists the deleted ones, and does not claim that nothing was deleted', async () => {
  const { topic, groupId } = await started(1, 1);
  await expect(admin.deleteGroups([groupId, 'nobody'])).rejects.toMatchObject({
    errorCode: 'GROUP_ID_NOT_FOUND',
    outcome: 'unknown',
    results: [{ groupId }, { errorCode: 'GROUP_ID_NOT_FOUND', outcome: 'not-written', groupId: 'nobody' }],
    groupId: 'nobody',
  });
  await expect(admin.describeGroups(['nobody'])).rejects.toMatchObject({ groupId: 'nobody', outcome: undefined });
  const offsets = [topic, 'nowhere'].map((name) => ({ topic: name, partition: 0, offset: 1 }));
  await expect(new Rivulet({ url: backend.url }).consumer({ groupId }).commit(offsets)).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    outcome: 'unknown',
    results: [
      { topic, partition: 0, offset: 1 },
      { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written' },
    ],
  });
});
