// The first round of a group waits a while, so that members that start together share it.
import { expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

test('members that start together share the first round', async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonic: () => nowMs };
  const ports = { objects: createMemoryObjectStore({ clock }), table: createMemoryTable(), clock };
  const { groups, classicGroups } = createEngine({ ...ports, initialRebalanceDelayMs: 500 });
  const join = () =>
    classicGroups.join({
      ...{ groupId: 'g', memberId: classicGroups.newMemberId('test'), protocolType: 'consumer' },
      ...{ sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000 },
      protocols: [{ name: 'range', metadata: new Uint8Array() }],
    });
  const members = async () => (await groups.list({})).groups[0]?.members;
  const first = join();
  await expect.poll(members).toBe(1);
  const second = join();
  await expect.poll(members).toBe(2);
  nowMs = 600;
  const [a, b] = await Promise.all([first, second]);
  expect(a.generation).toBe(b.generation);
  expect([...a.members, ...b.members]).toHaveLength(2);
});
