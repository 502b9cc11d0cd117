// These tests show what a group's consumer commits, when it commits, and where it begins.
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { soon, start, t, upTo } from './group/group-subject.ts';
import { logs } from './scripted-logs.ts';

test('autoCommit commits at its interval, and commits a looked-up offset before anything is read', async () => {
  const { group, consumer } = await start(logs([0]), { autoCommitIntervalMs: 30 });
  group.assigned = [0];
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => group.offsets.get(0), soon).toBe(0);
  const commits = group.commits.length;
  await systemClock.sleep(150);
  expect(group.commits).toHaveLength(commits);
  await consumer.stop();
  await run;
});

test('without autoCommit only commit() commits: what was handled, or offsets with a note', async () => {
  const { group, consumer } = await start(logs([10]), { autoCommit: false, autoCommitIntervalMs: 10 });
  group.assigned = [0];
  await consumer.run({
    eachMessage: async ({ offset }) => {
      if (offset === 3) await consumer.commit();
      if (offset === 6) await consumer.commit([{ ...t(0), offset: 6, metadata: 'half' }]);
      if (offset === 9) await consumer.stop();
    },
  });
  const committed = group.commits.map(({ commitSeq, topics }) => ({ commitSeq, ...topics[0]!.partitions[0] }));
  expect(committed).toEqual([
    { commitSeq: 1, partition: 0, offset: 3 },
    { commitSeq: 2, partition: 0, offset: 6, metadata: 'half' },
  ]);
  expect(await consumer.committed('t')).toEqual([{ ...t(0), offset: 6, metadata: '' }]);
});

test('autoCommit does not take back a commit of the application that is ahead of what was handled', async () => {
  const { group, consumer } = await start(logs([10]), { autoCommitIntervalMs: 10 });
  group.assigned = [0];
  await consumer.run({
    eachMessage: async ({ offset }) => {
      if (offset !== 3) return;
      await consumer.commit([{ ...t(0), offset: 4 }]);
      await systemClock.sleep(100);
      await consumer.stop();
    },
  });
  const offsets = group.commits.map(({ topics }) => topics[0]!.partitions[0]!.offset);
  expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  expect(offsets.at(-1)).toBe(4);
});

test('a commit that comes too late fails for its caller, and an automatic one does not end run', async () => {
  const { group, consumer } = await start(logs([10]), { autoCommitIntervalMs: 10 });
  group.assigned = [0];
  group.commitError = 'STALE_MEMBER_EPOCH';
  let refused: unknown;
  const run = consumer.run({
    eachMessage: async ({ offset }) => {
      if (offset === 5) await systemClock.sleep(60);
      if (offset === 9) refused = await consumer.commit().catch((error: unknown) => error);
    },
  });
  await expect.poll(() => refused, soon).toMatchObject({ errorCode: 'STALE_MEMBER_EPOCH', ...t(0), offset: 9 });
  await consumer.stop();
  await run;
});

test('a commit that was refused while the epoch grew is sent again with the new one', async () => {
  const { group, consumer } = await start(logs([10]), { autoCommit: false });
  group.assigned = [0];
  await consumer.run({
    eachMessage: async ({ offset }) => {
      if (offset !== 5) return;
      group.epoch = 2;
      group.nextCommits.push({ errorCode: 'STALE_MEMBER_EPOCH', afterMs: 200 });
      await consumer.commit();
      await consumer.stop();
    },
  });
  expect(group.commits.map(({ memberEpoch }) => memberEpoch)).toEqual([1, 2]);
  expect(group.offsets.get(0)).toBe(5);
});

test('a consumer that does not subscribe begins at the committed offsets, and commits without membership', async () => {
  const { group, server } = await start(logs([10]));
  group.offsets.set(0, 4);
  const consumer = new Rivulet({ url: server.url }).consumer({ groupId: 'g', autoOffsetReset: 'none' });
  consumer.assign([t(0)]);
  const seen: number[] = [];
  await consumer.run({ eachMessage: ({ offset }) => void (seen.push(offset) === 6 && consumer.stop()) });
  expect(seen).toEqual(upTo(10, 4));
  expect(group.commits).toEqual([
    { topics: [expect.objectContaining({ partitions: [{ partition: 0, offset: 10 }] })] },
  ]);
  expect(group.heartbeats).toEqual([]);
});

test('committed offsets are requested in ranges that fit a reply, however far apart the partitions are', async () => {
  const { group, server, consumer } = await start(logs([0]));
  group.assigned = [0, 3, 255, 256, 9_000];
  const run = consumer.run({ eachMessage: () => undefined });
  const asked = () =>
    server.received
      .filter(({ method, path }) => method === 'GET' && path === '/v1/groups/g/offsets')
      .map(({ query }) => query.get('partitions'));
  await expect.poll(() => asked().slice(0, 3), soon).toEqual(['0-255', '256-256', '9000-9000']);
  await consumer.stop();
  await run.catch(() => undefined);
});

test('without a committed offset and with autoOffsetReset none, reading is an error', async () => {
  const { group, consumer } = await start(logs([10]), { autoOffsetReset: 'none' });
  group.assigned = [0];
  await expect(consumer.run({ eachMessage: () => undefined })).rejects.toMatchObject({
    errorCode: 'NO_OFFSET_FOR_PARTITION',
    ...t(0),
  });
});

test('a last commit that is refused for ever makes run reject, and so does stop of an iteration', async () => {
  const forbidden = { errorCode: 'FORBIDDEN', ...t(0) };
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  group.commitError = 'FORBIDDEN';
  const run = consumer.run({ eachMessage: ({ offset }) => void (offset === 5 && consumer.stop()) });
  await expect(run).rejects.toMatchObject({ ...forbidden, offset: 6 });
  expect(group.left()).toBe(-1);
  for await (const { offset } of consumer) if (offset === 5) break;
  await expect(consumer.stop()).rejects.toMatchObject({ ...forbidden, offset: 5 });
  group.commitError = undefined;
  for await (const { offset } of consumer) if (offset === 5) break;
  await consumer.stop();
  expect(group.offsets.get(0)).toBe(5);
});
