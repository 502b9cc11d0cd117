// These tests show which partitions a group's consumer is assigned, keeps, gives up and loses.
import { expect, test } from 'vitest';
import type { Consumer } from '../../client/consumer/consumer.ts';
import type { ConsumedMessage } from '../../client/message.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { gate, offsetsOf, settled, slowly, soon, start, started, t, upTo } from './group/group-subject.ts';
import { problem } from './scripted-group.ts';
import { logs } from './scripted-logs.ts';
import { fetchAsked, isFetch } from './scripted-server.ts';

test('a consumer reads its partitions from the committed offsets, commits what it has handled, and leaves', async () => {
  const events: string[] = [];
  const { group, consumer } = await start(logs([10, 10]), {
    onPartitionsAssigned: (partitions) => void events.push(`assigned ${partitions.map(({ partition }) => partition)}`),
    onPartitionsRevoked: (partitions) => void events.push(`revoked ${partitions.map(({ partition }) => partition)}`),
  });
  group.assigned = [0, 1];
  group.offsets.set(1, 7);
  const seen: ConsumedMessage[] = [];
  const eachMessage = (message: ConsumedMessage) => {
    seen.push(message);
    if (seen.length === 13) void consumer.stop();
  };
  await consumer.run({ eachMessage });
  expect(offsetsOf(seen, 0)).toEqual(upTo(10));
  expect(offsetsOf(seen, 1)).toEqual([7, 8, 9]);
  expect(Object.fromEntries(group.offsets)).toEqual({ 0: 10, 1: 10 });
  expect(group.left()).toBe(-1);
  expect(group.heartbeats.map(({ heartbeatSeq }) => heartbeatSeq)).toEqual(upTo(group.heartbeats.length + 1, 1));
  expect(events).toEqual(['assigned 0,1', 'revoked 0,1']);
  expect(consumer.assignment()).toEqual([]);
});

test('a revoked partition is finished, committed, and only then reported as released, while the others go on', async () => {
  const { group, consumer } = await start(logs([100_000, 100_000], 5));
  group.assigned = [0, 1];
  const atWork = gate();
  const finish = gate();
  const seen: ConsumedMessage[] = [];
  const run = consumer.run({
    concurrency: 2,
    eachMessage: async (message) => {
      seen.push(message);
      if (message.partition !== 1 || message.offset !== 2) return systemClock.sleep(1);
      atWork.open();
      await finish.opened;
    },
  });
  await atWork.opened;
  group.assigned = [0];
  const beats = group.heartbeats.length;
  await expect.poll(() => group.heartbeats.length, soon).toBeGreaterThan(beats + 3);
  expect(group.owned().sort()).toEqual([0, 1]);
  const others = seen.length;
  await expect.poll(() => seen.length, soon).toBeGreaterThan(others + 5);
  finish.open();
  await settled(group);
  expect(offsetsOf(seen, 1)).toEqual([0, 1, 2]);
  expect(group.offsets.get(1)).toBe(3);
  await consumer.stop();
  await run;
});

test('partitions that stay are not disturbed when more are assigned: no message comes twice', async () => {
  const { group, consumer } = await start(logs([300, 300], 10, 2));
  group.assigned = [0];
  const seen: ConsumedMessage[] = [];
  const run = consumer.run({
    eachMessage: (message) => {
      if (seen.push(message) === 20) group.assigned = [0, 1];
      return systemClock.sleep(1);
    },
  });
  await expect.poll(() => seen.length, { ...soon, timeout: 25_000 }).toBe(600);
  await consumer.stop();
  await run;
  for (const partition of [0, 1]) expect(offsetsOf(seen, partition)).toEqual(upTo(300));
});

test('with concurrency, partitions are read side by side, and each in order', async () => {
  const { group, consumer } = await start(logs([20, 20, 20, 20], 4));
  group.assigned = [0, 1, 2, 3];
  const working = new Set<number>();
  const seen: ConsumedMessage[] = [];
  let most = 0;
  await consumer.run({
    concurrency: 3,
    eachMessage: async (message) => {
      expect(working.has(message.partition)).toBe(false);
      working.add(message.partition);
      most = Math.max(most, working.size);
      await systemClock.sleep(2);
      working.delete(message.partition);
      if (seen.push(message) === 80) void consumer.stop();
    },
  });
  expect(most).toBe(3);
  for (const partition of upTo(4)) expect(offsetsOf(seen, partition)).toEqual(upTo(20));
});

test('a partition that is slow does not hold up the others', async () => {
  const { group, consumer } = await start(logs([1_000, 50], 10));
  group.assigned = [0, 1];
  const never = gate();
  const seen: number[] = [];
  const run = consumer.run({
    concurrency: 2,
    eachMessage: async ({ partition, offset }) => {
      if (partition === 0) return never.opened;
      seen.push(offset);
    },
  });
  await expect.poll(() => seen, soon).toEqual(upTo(50));
  never.open();
  await consumer.stop();
  await run;
});

test('a consumer whose lease has ended hands over nothing until a heartbeat is answered, and then continues', async () => {
  const { group, consumer } = await start(logs([100_000], 5));
  group.assigned = [0];
  group.leaseMs = 1_400;
  const { seen, run } = slowly(consumer);
  await expect.poll(() => seen.length, soon).toBeGreaterThan(5);
  group.nextAnswers.push({ hang: true });
  await expect.poll(() => group.nextAnswers.length, soon).toBe(0);
  await systemClock.sleep(600);
  const silent = seen.length;
  await systemClock.sleep(200);
  expect(seen.length).toBe(silent);
  group.leaseMs = 10_000;
  await expect.poll(() => seen.length, soon).toBeGreaterThan(silent + 5);
  await consumer.stop();
  await run;
  expect(offsetsOf(seen, 0)).toEqual(upTo(seen.length));
});

test.each(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH'])(
  'after %s a consumer gives everything up without a commit, says why, and joins again',
  async (code) => {
    const lost: string[] = [];
    const { group, consumer } = await start(logs([100_000], 5), {
      autoCommitIntervalMs: 1_000_000,
      onPartitionsLost: (partitions, reason) => void lost.push(`${partitions.length} ${reason.errorCode}`),
    });
    group.assigned = [0];
    const { seen, run } = slowly(consumer);
    await expect.poll(() => seen.length, soon).toBeGreaterThan(5);
    group.nextAnswers.push(problem(code));
    await expect.poll(() => seen.filter(({ offset }) => offset === 0).length, soon).toBe(2);
    expect(lost).toEqual([`1 ${code}`]);
    expect(group.commits).toEqual([]);
    expect(new Set(group.heartbeats.map(({ memberId }) => memberId)).size).toBe(1);
    expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === 0)).toHaveLength(2);
    await consumer.stop();
    await run;
  },
);

test('a consumer whose handler takes too long leaves, says why, and joins again when the handler is done', async () => {
  const lost: string[] = [];
  const { group, consumer } = await start(logs([10], 5), {
    maxPollIntervalMs: 300,
    onPartitionsLost: (_, { message }) => void lost.push(message),
  });
  group.assigned = [0];
  const finish = gate();
  const seen: number[] = [];
  const run = consumer.run({
    eachMessage: ({ offset }) => {
      seen.push(offset);
      return seen.length === 4 ? finish.opened : undefined;
    },
  });
  await expect.poll(() => group.left(), soon).toBe(-1);
  expect(lost).toEqual([
    expect.stringMatching(
      /^MAX_POLL_INTERVAL_EXCEEDED: a handler has worked on t-0 from offset 3 for \d+ ms, and maxPollIntervalMs is 300: /,
    ),
  ]);
  const silent = group.heartbeats.length;
  await systemClock.sleep(1_200);
  expect(group.heartbeats).toHaveLength(silent);
  finish.open();
  await expect.poll(() => seen.at(-1), soon).toBe(9);
  expect(group.heartbeats[silent]).toMatchObject({ memberEpoch: 0, topicPartitions: [] });
  await consumer.stop();
  await run;
});

test.each(['run', 'iteration'])('a listener may stop the consumer, and wait for that: %s', async (how) => {
  let consumer: Consumer | undefined;
  const started = await start(logs([10]), { onPartitionsAssigned: () => consumer!.disconnect() });
  consumer = started.consumer;
  started.group.assigned = [0];
  if (how === 'run') await consumer.run({ eachMessage: () => undefined });
  else for await (const _ of consumer) throw new Error('nothing was to be read');
  await expect.poll(() => started.group.left(), soon).toBe(-1);
});

test('a static member leaves with the epoch that says it will return', async () => {
  const { group, consumer } = await start(logs([10]), { groupInstanceId: 'worker-1' });
  group.assigned = [0];
  await consumer.run({ eachBatch: () => void consumer.stop() });
  expect(group.left()).toBe(-2);
  expect(group.heartbeats.every(({ instanceId }) => instanceId === 'worker-1')).toBe(true);
});

test('a refusal that is not retriable ends run', async () => {
  const { group, consumer } = await start(logs([10]));
  group.nextAnswers.push(problem('GROUP_MAX_SIZE_REACHED'));
  await expect(consumer.run({ eachMessage: () => undefined })).rejects.toMatchObject({
    errorCode: 'GROUP_MAX_SIZE_REACHED',
  });
});

test('a handler that throws ends run, after the consumer has committed what was handled and left the group', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  const eachMessage = ({ offset }: ConsumedMessage) => {
    if (offset === 4) throw new Error('not now');
  };
  await expect(consumer.run({ eachMessage })).rejects.toThrow('not now');
  expect(group.offsets.get(0)).toBe(4);
  expect(group.left()).toBe(-1);
});

test('a topic that is deleted while it is read is no failure: the group takes it away', async () => {
  let gone = false;
  const records = logs([10]);
  const { group, consumer } = await start((request) =>
    gone && isFetch(request) ? problem('UNKNOWN_TOPIC_OR_PARTITION', 404) : records(request),
  );
  group.assigned = [0];
  const seen: number[] = [];
  const run = consumer.run({
    eachMessage: ({ offset }) => {
      gone = seen.push(offset) === 10;
    },
  });
  await expect.poll(() => gone, soon).toBe(true);
  await systemClock.sleep(100);
  group.assigned = [];
  await settled(group);
  await consumer.stop();
  await run;
  expect(seen).toEqual(upTo(10));
});

test('the application is warned that retention comes near before records are lost', async () => {
  const warnings: unknown[] = [];
  let start0 = 0;
  const { group, consumer } = await start(
    (request) => {
      if (!isFetch(request)) return undefined;
      const { offset } = fetchAsked(request).partitions[0]!;
      const reply = logs([1_000], 5)(request);
      if (offset > 20) start0 = 15;
      return reply && { ...reply, bytes: withStart(reply.bytes!, start0) };
    },
    { onRetention: (warning) => void warnings.push(warning) },
  );
  group.assigned = [0];
  await consumer.run({ eachMessage: ({ offset }) => void (offset === 60 && consumer.stop()) });
  expect(warnings).toEqual([
    expect.objectContaining({ ...t(0), logStartOffset: 15, highWatermark: 1_000, lostRecords: 0 }),
  ]);
});

/** The frame's log start stands behind the partition, the error code and the high watermark. */
function withStart(bytes: Uint8Array, logStartOffset: number): Uint8Array {
  const frame = Buffer.from(bytes);
  frame.writeBigInt64BE(BigInt(logStartOffset), 14);
  return frame;
}

test('wrong options, and mixing subscribe with assign, are refused with a sentence', async () => {
  const { consumer, server } = await start(logs([0]));
  const rivulet = new Rivulet({ url: server.url });
  expect(() => consumer.assign([t(0)])).toThrow(/this consumer has subscribed/);
  expect(() => rivulet.consumer().subscribe({ topics: ['t'] })).toThrow(/subscribe needs the option groupId/);
  const simple = rivulet.consumer({ groupId: 'g' });
  simple.assign([t(0)]);
  expect(() => simple.subscribe({ topics: ['t'] })).toThrow(/partitions were assigned/);
  expect(() => rivulet.consumer({ groupId: 'g' }).subscribe({ topics: [] })).toThrow(
    /topics: expected a list of at least one topic/,
  );
  expect(() => rivulet.consumer({ groupId: 'g' }).subscribe({ topics: /x/s })).toThrow(
    /flags other than i and u, got s/,
  );
  expect(() => rivulet.consumer({ groupInstanceId: 'x' })).toThrow(/groupInstanceId: expected the option groupId/);
  expect(() => rivulet.consumer({ groupId: 'g', sessionTimeoutMs: 9_000, heartbeatIntervalMs: 4_000 })).toThrow(
    /heartbeatIntervalMs: expected at most a third of sessionTimeoutMs \(9000\), which is 3000, .* got 4000/,
  );
});

test('a pattern reaches the group as a pattern for the whole name', async () => {
  const { group, consumer } = await start(logs([0]));
  consumer.subscribe({ topics: /^orders-(eu|us)/i });
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => group.heartbeats[0]?.subscribedTopicRegex, soon).toBe('(?i).*(?:^orders-(eu|us)).*');
  await consumer.stop();
  await run;
});

test('a consumer without its assigned partitions that subscribes during run joins then', async () => {
  const { group, server } = await start(logs([10]));
  group.assigned = [0];
  const consumer = started(new Rivulet({ url: server.url }).consumer({ groupId: 'g', autoOffsetReset: 'earliest' }));
  const seen: number[] = [];
  consumer.assign([t(1)]);
  const run = consumer.run({ eachMessage: ({ offset }) => void seen.push(offset) });
  consumer.assign([]);
  consumer.subscribe({ topics: ['t'] });
  await expect.poll(() => seen, soon).toEqual(upTo(10));
  await consumer.stop();
  await run;
});

test('a consumer that has not stopped yet cannot run again, because two readers would read it', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  const finish = gate();
  const atWork = gate();
  const eachMessage = () => {
    atWork.open();
    return finish.opened;
  };
  const run = consumer.run({ eachMessage });
  await atWork.opened;
  const stopped = consumer.stop();
  await expect(consumer.run({ eachMessage })).rejects.toThrow(/has not stopped yet/);
  finish.open();
  await stopped;
  await run;
  expect(group.offsets.get(0)).toBe(1);
  const again = consumer.run({ eachMessage: () => void consumer.stop() });
  await again;
  expect(group.offsets.get(0)).toBe(2);
});

test('disconnect during an unanswered join gives the join up, and leaves', async () => {
  const { group, consumer } = await start(logs([10]));
  group.nextAnswers.push({ hang: true });
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => group.heartbeats.length, soon).toBe(1);
  await consumer.disconnect();
  await run;
  expect(group.heartbeats.map(({ memberEpoch }) => memberEpoch)).toEqual([0, -1]);
});

test('a timer that a handler left behind may wait for stop, because it no longer belongs to the handler', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  let leftWith: number | undefined;
  let stopped: Promise<void> | undefined;
  const run = consumer.run({
    eachMessage: ({ offset }) => {
      if (offset !== 9) return;
      setTimeout(() => {
        stopped = consumer.stop().then(() => {
          leftWith = group.left();
        });
      }, 10);
    },
  });
  await run;
  await stopped;
  expect(leftWith).toBe(-1);
});

test('a consumer whose leave request is not answered does not repeat it for ever', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  group.ignoresLeaving = true;
  await consumer.run({ eachMessage: () => void consumer.stop() });
  expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === -1)).toHaveLength(1);
  expect(group.offsets.get(0)).toBe(1);
});

test('a partition that is lost and comes back waits for the handler that still works on it', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  const finish = gate();
  const seen: number[] = [];
  let working = 0;
  let most = 0;
  const run = consumer.run({
    concurrency: 2,
    eachMessage: async ({ offset }) => {
      seen.push(offset);
      most = Math.max(most, ++working);
      if (seen.length === 1) await finish.opened;
      working--;
    },
  });
  await expect.poll(() => seen, soon).toEqual([0]);
  group.nextAnswers.push(problem('FENCED_MEMBER_EPOCH'));
  const beats = group.heartbeats.length;
  await expect.poll(() => group.heartbeats.slice(beats).some(({ memberEpoch }) => memberEpoch === 0), soon).toBe(true);
  await settled(group);
  await systemClock.sleep(200);
  finish.open();
  await expect.poll(() => seen, soon).toEqual([0, ...upTo(10)]);
  expect(most).toBe(1);
  await consumer.stop();
  await run;
});
