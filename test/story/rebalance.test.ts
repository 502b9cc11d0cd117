// Users of Kafka report this cascade: of five consumers with fifty partitions one dies, and nothing is read for minutes. Here
// only the dead consumer's partitions pause, for no longer than its session, two heartbeats and the assumed clock skew. The
// test runs on a simulated clock.
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
