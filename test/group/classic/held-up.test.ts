// Members whose process stood still wait for each other, and do not take each other for dead.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';

function openGroups() {
  const time = { nowMs: 1_000_000, monotonicMs: 0 };
  const clock = { ...systemClock, now: () => time.nowMs, monotonic: () => time.monotonicMs };
  const ports = { objects: createMemoryObjectStore({ clock }), table: createMemoryTable(), clock };
  const { groups, classicGroups } = createEngine({ ...ports, initialRebalanceDelayMs: 500 });
  const ids = ['a', 'b', 'c'].map((name) => classicGroups.newMemberId(name));
  const join = (memberId: string, version: number) =>
    classicGroups.join({
      ...{ groupId: 'g', memberId, protocolType: 'consumer', sessionTimeoutMs: 20_000, rebalanceTimeoutMs: 300_000 },
      protocols: [{ name: 'range', metadata: new Uint8Array([version]) }],
    });
  const present = async () => (await groups.list({})).groups[0]?.members;
  return { time, classicGroups, ids, join, present };
}

test('two members that wait in JoinGroup survive a pause that is longer than their session, and the third does not', async () => {
  const { time, classicGroups, ids, join, present } = openGroups();
  const [a, b, c] = ids as [string, string, string];
  const first = ids.map((id) => join(id, 1));
  await expect.poll(present).toBe(3);
  time.monotonicMs = 600;
  const generations = (await Promise.all(first)).map(({ generation }) => generation);
  expect(new Set(generations).size).toBe(1);

  const again = [join(a, 2), join(b, 2)];
  await expect.poll(async () => (await classicGroups.describe('g'))?.state).toBe('PreparingRebalance');
  // So both requests have time to join the round, and wait for the third member.
  await systemClock.sleep(200);
  time.nowMs += 25_000;
  const replies = await Promise.all(again);
  expect(replies.map(({ generation }) => generation)).toEqual([generations[0]! + 1, generations[0]! + 1]);
  expect(replies.flatMap(({ members }) => members.map(({ memberId }) => memberId)).sort()).toEqual([a, b].sort());
  await expect(classicGroups.heartbeat({ groupId: 'g', memberId: c, generation: generations[0]! })).rejects.toThrow(
    /member/,
  );
});

test('a member whose own lease was over does not close another by its next heartbeat', async () => {
  const { time, classicGroups, ids, join, present } = openGroups();
  const [a, b] = ids as [string, string, string];
  const joining = [join(a, 1), join(b, 1)];
  await expect.poll(present).toBe(2);
  time.monotonicMs = 600;
  const [{ generation, leader }] = (await Promise.all(joining)) as [Awaited<ReturnType<typeof join>>, unknown];
  const assignments = [a, b].map((memberId) => ({ memberId, assignment: new Uint8Array() }));
  const follower = leader === a ? b : a;
  await classicGroups.sync({ groupId: 'g', memberId: leader, generation, assignments });
  await classicGroups.sync({ groupId: 'g', memberId: follower, generation, assignments: [] });
  const beat = (memberId: string) => classicGroups.heartbeat({ groupId: 'g', memberId, generation });
  time.nowMs += 25_000;
  await beat(a);
  await beat(b);
  // One that stays away is closed by the heartbeats of the other.
  time.nowMs += 15_000;
  await beat(a);
  time.nowMs += 15_000;
  await beat(a).catch(() => undefined);
  await expect(beat(b)).rejects.toThrow(/member/);
});
