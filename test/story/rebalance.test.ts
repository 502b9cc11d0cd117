// The cascade that Kafka's users tell of: fifty partitions, five consumers, one dies, and nothing is read for minutes. Here only
// what the dead one had pauses, for no longer than its session, two heartbeats and the assumed skew. On a simulated clock.
import { expect, test } from 'vitest';
import { groupWorld } from '../../tools/bench/group-world.ts';

const times = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 3_000 };
const skewMs = 1_000;

test.each([
  ['crash', times.sessionTimeoutMs + 2 * times.heartbeatIntervalMs + skewMs],
  ['leave', 2 * times.heartbeatIntervalMs],
] as const)('%s: ten of fifty partitions pause', async (how, mostMs) => {
  const world = await groupWorld({ members: 5, partitions: 50, ...times });
  await world.settle();
  const { partitions, longestMs } = await world.lose(how);
  expect(partitions).toBe(10);
  expect(longestMs).toBeLessThanOrEqual(mostMs);
});
