// A member that leaves by heartbeat, while a member of the classic protocol takes over the group, does not take the group back.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import { createTestClock } from '../../log/world.ts';
import { type Call, gate, holding } from '../../sim/core/through.ts';
import { subscriptionBytes } from '../../sim/groups/classic/consumer-bytes.ts';

const groupId = 'g';
const changesHead = (call: Call) => call.kind === 'update' && call.update.add?.some(([path]) => path === 'ge') === true;
const entersRound = (call: Call) => call.kind === 'put' && String(call.item.sk).startsWith('m/client');

test('the leave ends after the round was opened, and the round is completed', { timeout: 20_000 }, async () => {
  const clock = createTestClock();
  const objects = createMemoryObjectStore({ clock });
  const table = createMemoryTable();
  const engine = createEngine({ objects, table, clock });
  const processHolding = (matches: (call: Call) => boolean) => {
    const held = gate();
    return { held, ...createEngine({ objects, table: holding(table, matches, held.pass), clock }) };
  };
  await engine.createTopic({ topic: 't', partitions: 1 });
  const beat = { groupId, memberId: 'A'.repeat(22), subscribedTopicNames: ['t'], topicPartitions: [] };
  await engine.groups.heartbeat({ ...beat, memberEpoch: 0, heartbeatSeq: 1 });

  const leaver = processHolding(changesHead);
  const left = leaver.groups.heartbeat({ ...beat, memberEpoch: -1, heartbeatSeq: 2 });
  await leaver.held.reached;
  const joiner = processHolding(entersRound);
  const joined = joiner.classicGroups.join({
    ...{ groupId, memberId: engine.classicGroups.newMemberId('client'), protocolType: 'consumer' },
    ...{ protocols: [{ name: 'range', metadata: subscriptionBytes(['t']) }] },
    ...{ sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000 },
  });
  await joiner.held.reached;
  leaver.held.open();
  await left;
  joiner.held.open();
  expect(await joined).toMatchObject({ protocol: 'range', generation: expect.any(Number) });
});
