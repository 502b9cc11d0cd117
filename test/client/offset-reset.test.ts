// When the log does not hold a consumer's offset, the consumer continues elsewhere, and so do its group's commits. The tests
// run against the real engine. A scripted server shows the effect of a restore under a running member.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Consumer } from '../../client/consumer/consumer.ts';
import type { ConsumerOptions } from '../../client/consumer/consumer-options.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { type Backend, startEmbedded } from './embedded.ts';
import { gate, soon, start, t, upTo } from './group/group-subject.ts';
import { batches } from './scripted-logs.ts';
import { fetchAsked, fetchReply, isFetch, type Script } from './scripted-server.ts';

let backend: Backend;
let rivulet: Rivulet;
let topics = 0;

beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url });
});
afterAll(() => backend.close());

async function topicOf(records: number): Promise<string> {
  const topic = `reset-${topics++}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  await write(topic, records);
  return topic;
}

const write = (topic: string, records: number) =>
  rivulet.producer().send({ topic, messages: Array.from({ length: records }, () => ({ value: 'v' })) });

const committedBy = async (groupId: string) =>
  (await rivulet.admin().fetchOffsets({ groupId }))[0]?.partitions[0]?.offset;

/** The offsets that a member of the group reads, until it has read this many. */
async function readAs(groupId: string, topic: string, count: number, options: ConsumerOptions = {}): Promise<number[]> {
  const consumer = rivulet.consumer({ groupId, autoOffsetReset: 'earliest', heartbeatIntervalMs: 500, ...options });
  consumer.subscribe({ topics: [topic] });
  return readFrom(consumer, count);
}

async function readFrom(consumer: Consumer, count: number): Promise<number[]> {
  const seen: number[] = [];
  await consumer.run({ eachMessage: ({ offset }) => void (seen.push(offset) === count && consumer.stop()) });
  return seen;
}

test.each(['eachMessage', 'for await'])(
  'a committed offset beyond the end goes back to what was read: %s',
  async (how) => {
    const topic = await topicOf(10);
    const groupId = `g-${topic}`;
    await rivulet.consumer({ groupId }).commit([{ topic, partition: 0, offset: 20 }]);
    if (how === 'eachMessage') expect(await readAs(groupId, topic, 10)).toEqual(upTo(10));
    else {
      const consumer = rivulet.consumer({ groupId, autoOffsetReset: 'earliest' });
      consumer.assign([{ topic, partition: 0 }]);
      let left = 11;
      void expect
        .poll(() => consumer.position({ topic, partition: 0 }), soon)
        .toBe(10)
        .then(() => consumer.stop());
      for await (const { offset } of consumer) expect(offset).toBe(11 - left--);
    }
    expect(await committedBy(groupId)).toBe(10);
    await write(topic, 15);
    expect(await readAs(groupId, topic, 15)).toEqual(upTo(25, 10));
  },
);

test('after a reset to the latest the group commits that offset, although no record came', async () => {
  const topic = await topicOf(10);
  const groupId = `g-${topic}`;
  await rivulet.consumer({ groupId }).commit([{ topic, partition: 0, offset: 20 }]);
  const consumer = rivulet.consumer({ groupId, autoOffsetReset: 'latest', autoCommitIntervalMs: 20 });
  consumer.subscribe({ topics: [topic] });
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => committedBy(groupId), soon).toBe(10);
  await consumer.stop();
  await run;
  await write(topic, 3);
  expect(await readAs(groupId, topic, 3, { autoOffsetReset: 'latest' })).toEqual([10, 11, 12]);
});

test('after a seek beyond the end, too, the group commits what was read', async () => {
  const topic = await topicOf(10);
  const groupId = `g-${topic}`;
  const consumer = rivulet.consumer({
    groupId,
    autoOffsetReset: 'earliest',
    onPartitionsAssigned: () => {
      consumer.seek({ topic, partition: 0, offset: 50 });
    },
  });
  consumer.subscribe({ topics: [topic] });
  expect(await readFrom(consumer, 10)).toEqual(upTo(10));
  expect(await committedBy(groupId)).toBe(10);
});

/** A log that can be replaced by a shorter one, or lose its beginning. */
function scriptedLog(log: { from: number; end: number }): Script {
  return (request) => {
    if (request.path.endsWith('/offsets'))
      return { json: { topicId: '', partitions: [{ partition: 0, offset: log.from, timestamp: -1 }] } };
    if (!isFetch(request)) return undefined;
    const { partitions, waitMs } = fetchAsked(request);
    const { offset } = partitions[0]!;
    const watermarks = { partition: 0, highWatermark: log.end, logStartOffset: log.from };
    if (offset < log.from || offset > log.end) return fetchReply([{ ...watermarks, errorCode: 1 }]);
    const found = batches(offset, Math.min(log.end, offset + 10));
    return fetchReply([{ ...watermarks, batches: found }], found.length > 0 ? 0 : waitMs);
  };
}

test('after a restore under a running member, an earlier handler and its commit do not change the new position', async () => {
  const log = { from: 0, end: 10 };
  const { group, consumer } = await start(scriptedLog(log), { autoCommitIntervalMs: 10, maxWaitMs: 20 });
  group.assigned = [0];
  const inHand = gate();
  const seen: number[] = [];
  const run = consumer.run({
    eachMessage: async ({ offset }) => {
      seen.push(offset);
      if (seen.length !== 10) return;
      await inHand.opened;
      await consumer.commit([{ ...t(0), offset: 10 }]);
    },
  });
  await expect.poll(() => seen.length, soon).toBe(10);
  log.end = 4;
  await expect.poll(() => group.offsets.get(0), soon).toBe(0);
  inHand.open();
  await expect.poll(() => seen.slice(10), soon).toEqual([0, 1, 2, 3]);
  await consumer.stop();
  await run;
  expect(group.offsets.get(0)).toBe(4);
});

test('a commit that is answered after the reset does not hold up later commits', async () => {
  const log = { from: 0, end: 10 };
  const { group, consumer } = await start(scriptedLog(log), { autoCommit: false, maxWaitMs: 20 });
  group.assigned = [0];
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => consumer.assignment().length && consumer.position(t(0)), soon).toBe(10);
  group.nextCommits.push({ errorCode: undefined, afterMs: 150 });
  const commit = consumer.commit();
  log.end = 4;
  await expect.poll(() => consumer.position(t(0)), soon).toBe(4);
  await commit;
  await consumer.commit();
  expect(group.offsets.get(0)).toBe(4);
  await consumer.stop();
  await run;
});

test('records that were read ahead of retention are handed over first, and then reading continues at the start', async () => {
  const log = { from: 0, end: 20 };
  const lost: number[] = [];
  const onRetention = ({ lostRecords }: { lostRecords: number }) => lost.push(lostRecords);
  const { group, server, consumer } = await start(scriptedLog(log), { maxWaitMs: 20, onRetention });
  group.assigned = [0];
  const handler = gate();
  const seen: number[] = [];
  const run = consumer.run({
    eachMessage: ({ offset }) => {
      seen.push(offset);
      if (offset === 39) void consumer.stop();
      return offset === 12 ? handler.opened : undefined;
    },
  });
  await expect.poll(() => seen.at(-1), soon).toBe(12);
  Object.assign(log, { from: 30, end: 40 });
  const asked = server.received.length;
  await expect.poll(() => server.received.length, soon).toBeGreaterThan(asked + 1);
  handler.open();
  await run;
  expect(seen).toEqual([...upTo(20), ...upTo(40, 30)]);
  expect(lost).toEqual([10]);
});
