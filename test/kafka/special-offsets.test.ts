import { expect, test } from 'vitest';
import { RivuletError } from '../../lib/api/errors.ts';
import { batchOf, startService } from './service.ts';
import { key } from './wire.ts';

test('a commit of -2 or -1 is one of the beginning or the end of the log', async () => {
  const { engine, connect } = await startService();
  const { topic } = await engine.createTopic({ topic: 'orders', partitions: 3 });
  await engine.append({ topic, partitions: [{ partition: 0, batches: batchOf(['a', 'b', 'c']) }] });
  await engine.deleteRecords({ topic, partitions: [{ partition: 0, offset: 1 }] });
  const wire = await connect();
  const commit = async (...partitions: readonly (readonly [partition: number, offset: number])[]) => {
    const rows = partitions.map(([partitionIndex, committedOffset]) => ({
      ...{ partitionIndex, committedOffset, committedLeaderEpoch: -1, committedMetadata: null },
    }));
    const request = { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null };
    const reply = await wire.ask(key.offsetCommit, 7, { ...request, topics: [{ name: topic, partitions: rows }] });
    return reply.topics[0].partitions.map(({ errorCode }: { errorCode: number }) => errorCode);
  };
  const committed = async () => {
    const request = { groupId: 'g', topics: [{ name: topic, partitionIndexes: [0, 1, 2] }] };
    const { topics } = await wire.ask(key.offsetFetch, 7, { ...request, requireStable: false });
    return topics[0].partitions.map(({ committedOffset }: { committedOffset: number }) => committedOffset);
  };
  expect(await commit([0, -2], [1, -1], [2, 0])).toEqual([0, 0, 0]);
  expect(await committed()).toEqual([1, 0, 0]);
  expect(await commit([0, -1])).toEqual([0]);
  expect(await committed()).toEqual([3, 0, 0]);
  expect(await commit([0, -3], [7, -1])).toEqual([42, 42]);
  expect(await committed()).toEqual([3, 0, 0]);
});

test('a look that fails is an error to try again after, and commits nothing', async () => {
  const throttled = () => Promise.reject(new RivuletError('THROTTLED', 'come again'));
  const { engine, connect } = await startService({ wrap: (own) => ({ ...own, offsets: throttled }) });
  await engine.createTopic({ topic: 'orders' });
  const wire = await connect();
  const partition = { partitionIndex: 0, committedOffset: -2, committedLeaderEpoch: -1, committedMetadata: null };
  const reply = await wire.ask(key.offsetCommit, 7, {
    ...{ groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null },
    topics: [{ name: 'orders', partitions: [partition] }],
  });
  expect(reply.topics).toMatchObject([{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode: 15 }] }]);
  expect((await engine.groups.list({})).groups).toEqual([]);
});
