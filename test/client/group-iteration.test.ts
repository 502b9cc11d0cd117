// These tests iterate over a group's consumer: the message that the application has in hand is not handled yet.
import { expect, test } from 'vitest';
import { systemClock } from '../../lib/runtime/clock.ts';
import { gate, soon, start, upTo } from './group/group-subject.ts';
import { logs } from './scripted-logs.ts';

test('an iteration handles a message when the next one is asked for, and stop commits and leaves', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  const seen: number[] = [];
  for await (const { offset } of consumer) if (seen.push(offset) === 3) break;
  expect(group.left()).toBeUndefined();
  for await (const { offset } of consumer) {
    if (seen.push(offset) === 6) {
      await consumer.stop();
      break;
    }
  }
  expect(seen).toEqual(upTo(6));
  expect(group.offsets.get(0)).toBe(5);
  expect(group.left()).toBe(-1);
});

test('a message in hand when an iteration stops does not count as slow work in the next iteration', async () => {
  const lost: string[] = [];
  const { group, consumer } = await start(logs([10]), {
    maxPollIntervalMs: 300,
    onPartitionsLost: (_, { errorCode }) => void lost.push(errorCode),
  });
  group.assigned = [0];
  for await (const { offset } of consumer) if (offset === 2) await consumer.stop();
  await systemClock.sleep(500);
  const seen: number[] = [];
  for await (const { offset } of consumer) {
    if (seen.push(offset) === 5) break;
    await systemClock.sleep(10);
  }
  expect(seen).toEqual(upTo(7, 2));
  expect(lost).toEqual([]);
});

test('an application that reads no further for too long leaves the group', async () => {
  const lost: string[] = [];
  const { group, consumer } = await start(logs([10]), {
    maxPollIntervalMs: 300,
    onPartitionsLost: (_, { errorCode }) => void lost.push(errorCode),
  });
  group.assigned = [0];
  for await (const { offset } of consumer) if (offset === 2) break;
  await expect.poll(() => group.left(), soon).toBe(-1);
  await expect.poll(() => lost, soon).toEqual(['MAX_POLL_INTERVAL_EXCEEDED']);
});

test('an iteration that has not stopped yet cannot begin again, because its member is about to leave', async () => {
  const { group, consumer } = await start(logs([10]));
  group.assigned = [0];
  let stopped: Promise<void> | undefined;
  for await (const { offset } of consumer) {
    if (offset !== 2) continue;
    stopped = consumer.stop();
    break;
  }
  expect(() => consumer[Symbol.asyncIterator]()).toThrow(/not stopped yet/);
  await stopped;
  const seen: number[] = [];
  for await (const { offset } of consumer) if (seen.push(offset) === 3) break;
  expect(seen).toEqual(upTo(5, 2));
});

test('a failure while nothing reads is thrown once, to the next reader', async () => {
  let calls = 0;
  const { group, consumer } = await start(logs([10]), {
    onPartitionsRevoked: () => {
      if (calls++ === 0) throw new Error('cannot let go');
    },
  });
  group.assigned = [0];
  for await (const { offset } of consumer) if (offset === 2) break;
  group.assigned = [];
  await expect.poll(() => calls, soon).toBe(1);
  await expect.poll(() => consumer.assignment(), soon).toEqual([]);
  const read = async () => {
    for await (const { offset } of consumer) if (offset === 4) break;
  };
  await expect(read()).rejects.toThrow('cannot let go');
  group.assigned = [0];
  await read();
});

test('nothing is handed over before onPartitionsAssigned is done, even if another iteration begins meanwhile', async () => {
  const told = gate();
  let isTold = false;
  const { group, consumer } = await start(logs([1_000, 1_000], 5), {
    onPartitionsAssigned: async (partitions) => {
      if (partitions[0]!.partition === 0) return;
      await told.opened;
      isTold = true;
    },
  });
  group.assigned = [0];
  for await (const _ of consumer) break;
  group.assigned = [0, 1];
  await expect.poll(() => consumer.assignment().length, soon).toBe(2);
  let early = 0;
  let read = 0;
  for await (const { partition } of consumer) {
    if (partition === 1 && !isTold) early++;
    if (++read === 100) told.open();
    if (partition === 1 && isTold) break;
  }
  expect(early).toBe(0);
});

test('a message in hand when run begins counts as handled, and not as slow work for ever', async () => {
  const lost: string[] = [];
  const { group, consumer } = await start(logs([10]), {
    maxPollIntervalMs: 300,
    onPartitionsLost: (_, { errorCode }) => void lost.push(errorCode),
  });
  group.assigned = [0];
  for await (const { offset } of consumer) if (offset === 2) break;
  const seen: number[] = [];
  const run = consumer.run({ eachMessage: ({ offset }) => void seen.push(offset) });
  await expect.poll(() => seen, soon).toEqual(upTo(10, 3));
  await systemClock.sleep(1_500);
  expect(lost).toEqual([]);
  await consumer.stop();
  await run;
  expect(group.offsets.get(0)).toBe(10);
});

test('an iteration that goes on after its stop takes no messages beside the handler of a later run', async () => {
  const { group, consumer } = await start(logs([10], 2));
  group.assigned = [0];
  const iteration = consumer[Symbol.asyncIterator]();
  await iteration.next();
  await consumer.stop();
  const done = gate();
  let calls = 0;
  const run = consumer.run({
    eachMessage: async () => {
      calls++;
      await done.opened;
    },
  });
  await expect.poll(() => calls, soon).toBe(1);
  const next = iteration.next();
  expect(await Promise.race([next, systemClock.sleep(300)])).toBeUndefined();
  const stopped = consumer.stop();
  done.open();
  await Promise.all([stopped, run, next]);
});
