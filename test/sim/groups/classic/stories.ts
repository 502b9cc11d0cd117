// Chance seldom finds this race, so it is told step by step. The story returns what went wrong, or nothing.
import type { createEngine } from '../../../../lib/engine.ts';
import { createMemoryObjectStore } from '../../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../../lib/storage/memory/memory-table.ts';
import { createTestClock } from '../../../log/world.ts';
import { type Call, gate, holding } from '../../core/through.ts';
import { assignmentBytes, subscriptionBytes } from './consumer-bytes.ts';

export type ClassicStory = (newEngine: typeof createEngine) => Promise<string | undefined>;

const groupId = 'g';
const completes = (call: Call): boolean =>
  call.kind === 'update' && call.update.set?.some(([path]) => path === 'gn') === true;
const joinsAs = (memberId: string) => (call: Call) => call.kind === 'put' && call.item.sk === `m/${memberId}`;

/**
 * A process is about to complete a round, and freezes. Another completes it, and the member is told. When a later round is
 * open, the first process continues.
 */
export const frozenCompletion: ClassicStory = async (newEngine) => {
  const clock = createTestClock();
  const objects = createMemoryObjectStore({ clock });
  const table = createMemoryTable();
  const engine = newEngine({ objects, table, clock });
  await engine.createTopic({ topic: 't', partitions: 1 });
  const [a, b] = [engine.classicGroups.newMemberId('client'), engine.classicGroups.newMemberId('client')];
  const processHolding = (matches: (call: Call) => boolean) => {
    const held = gate();
    const { classicGroups } = newEngine({ objects, table: holding(table, matches, held.pass), clock });
    return { held, classicGroups };
  };
  const joining = (memberId: string) => ({
    ...{ groupId, memberId, protocolType: 'consumer', sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000 },
    protocols: [{ name: 'range', metadata: subscriptionBytes(['t']) }],
  });

  const frozen = processHolding(completes);
  const late = frozen.classicGroups.join(joining(a));
  await frozen.held.reached;
  const { generation } = await engine.classicGroups.join(joining(a));
  const share = (partitions: readonly number[]) => ({
    ...{ groupId, memberId: a, generation },
    assignments: [{ memberId: a, assignment: assignmentBytes([{ topic: 't', partitions }]) }],
  });
  await engine.classicGroups.sync(share([0]));
  const opener = processHolding(joinsAs(b));
  void opener.classicGroups.join(joining(b)).catch(() => {});
  await opener.held.reached;
  frozen.held.open();
  await late;
  const again = await engine.classicGroups.sync(share([])).catch(() => undefined);
  return again && `a second assignment was taken in generation ${generation}`;
};
