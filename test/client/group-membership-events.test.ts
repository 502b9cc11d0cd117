// A group's consumer reports the events of its membership, and the requests that did not reach its group.
import { expect, test } from 'vitest';
import type { MembershipEvent } from '../../client/group/membership.ts';
import { limits } from '../../lib/api/limits.ts';
import { soon, start } from './group/group-subject.ts';
import { problem } from './scripted-group.ts';
import { logs } from './scripted-logs.ts';

async function listening(options = {}) {
  const events: MembershipEvent[] = [];
  const parts = await start(logs([10]), { onMembership: (event) => void events.push(event), ...options });
  parts.group.assigned = [0];
  const types = () => events.map(({ type }) => type);
  return { ...parts, events, types };
}

test('a join is reported once, with the member id that the group knows', async () => {
  const { group, consumer, events } = await listening();
  await consumer.run({ eachMessage: ({ offset }) => void (offset === 9 && consumer.stop()) });
  expect(events).toEqual([{ type: 'joined', memberId: group.heartbeats[0]!.memberId }]);
});

test('a member that is removed and joins again reports a second join', async () => {
  const { group, consumer, types } = await listening();
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(types, soon).toEqual(['joined']);
  group.nextAnswers.push(problem('UNKNOWN_MEMBER_ID'));
  await expect.poll(types, soon).toEqual(['joined', 'joined']);
  await consumer.stop();
  await run;
});

test('an instance id that is in use is reported once, however often the member asks for it', async () => {
  const { group, consumer, types } = await listening({
    groupInstanceId: 'one',
    heartbeatIntervalMs: limits.minHeartbeatIntervalMs,
  });
  for (let i = 0; i < 3; i++) group.nextAnswers.push(problem('UNRELEASED_INSTANCE_ID'));
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(types, soon).toEqual(['instance-in-use', 'joined']);
  await consumer.stop();
  await run;
});

test('a refused last commit and an unanswered leave request are reported, and earlier refused commits are not', async () => {
  const { group, consumer, events } = await listening({ autoCommitIntervalMs: 5 });
  group.commitError = 'STALE_MEMBER_EPOCH';
  group.ignoresLeaving = true;
  const run = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => group.commits.length, soon).toBeGreaterThan(3);
  expect(events).toMatchObject([{ type: 'joined' }]);
  await consumer.stop();
  await run;
  expect(events.slice(1)).toEqual([
    { type: 'not-committed', reason: expect.objectContaining({ errorCode: 'STALE_MEMBER_EPOCH' }) },
    { type: 'not-left', reason: expect.objectContaining({ outcome: 'unknown' }) },
  ]);
});

test('a leave request to a group that has already removed the member is no failure', async () => {
  const { group, consumer, types } = await listening();
  group.refusesLeaving = problem('UNKNOWN_MEMBER_ID', 404);
  await consumer.run({ eachMessage: () => void consumer.stop() });
  expect(group.left()).toBe(-1);
  expect(types()).toEqual(['joined']);
});
