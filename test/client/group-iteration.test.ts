// A group's consumer that is iterated over: what is in the application's hand is not handled yet.
import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { soon, start, upTo } from './group-subject.ts';
import { logs } from './scripted-logs.ts';

test('an iteration: a message is handled when the next one is asked for; stop commits and leaves', async () => {
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

test('an iteration that was stopped with a message in hand is not held against the next one', async () => {
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
