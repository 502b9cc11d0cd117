// Maintenance in a simulated process: one pass of each kind over the ports of the process. Any process may begin any pass
// at any time, beside all others.

import { createLogContext, type Ports } from '../../../lib/log/context.ts';
import { spill } from '../../../lib/log/spill.ts';
import { type MaintenanceContext, newCounts } from '../../../lib/maintenance/context.ts';
import type { SweepContext } from '../../../lib/maintenance/sweep.ts';
import { parseHead, segmentEpochAt } from '../../../lib/partition/head.ts';
import type { PageAddress } from '../../../lib/partition/page.ts';
import { headKey } from '../../../lib/storage/keys.ts';
import { createTopics, type Topic } from '../../../lib/topic/topics.ts';
import type { Lib } from '../core/lib-under-test.ts';
import { simulatedTopic } from './clients.ts';
import type { History } from './history.ts';

/** Returns what the pass did, for the trace. */
export type Pass = (lib: Lib, ports: Ports, history: History) => Promise<unknown>;

const onPartition =
  (work: (lib: Lib, context: MaintenanceContext, address: PageAddress, topic: Topic) => Promise<unknown>) =>
  (partition = 0): Pass =>
  async (lib, ports, history) => {
    const topic = await createTopics(ports.table, ports.clock).resolve({ topic: simulatedTopic });
    const context = contextOf(ports, history);
    await work(lib, context, { topicId: topic.topicId, partition }, topic);
    return context.counts;
  };

export const merging = onPartition((lib, context, address) => lib.merge(context, address));
export const joining = onPartition((lib, context, address) => lib.join(context, address));
export const cleaningPages = onPartition((lib, context, address) => lib.cleanPages(context, address));
export const retaining = onPartition((lib, context, { partition }, topic) => lib.retain(context, topic, partition));

/** All steps in their order, under the lease. */
export const tending = onPartition((lib, context, { partition }, topic) => {
  const owner = Buffer.from(context.clock.randomBytes(8)).toString('hex');
  const tended = { ...context, owner, isAskedFor: false, begunMs: 0, mergeDelayMs: 0 };
  return lib.tend(tended, topic, partition);
});

/** Leaves three entries in the tail, like any spill, but comes early: so pages are small. */
export const spillingEarly = onPartition(async (_lib, { objects, table, clock }, address) => {
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  const head = item && parseHead(item);
  if (head && head.tail.length >= entriesLeft + 2)
    await spill(createLogContext({ objects, table, clock }), address, head);
});

const entriesLeft = 3;

/** Units of one item each, so that others come between them. */
export const compacting = onPartition((lib, context, { partition }, topic) =>
  lib.compact(context, topic, partition, { mapKeys: 1_000, dirtyBytes: 1_000_000, unitBytes: 1_000_000, unitItems: 1 }),
);

/** The epoch is so many hours ahead of the clock: everything that is on its way is fenced. */
export const sweeping =
  (hoursAhead = 1): Pass =>
  async (lib, ports, history) => {
    const begunMs = ports.clock.monotonic();
    const isOver = () => ports.clock.monotonic() - begunMs > longestSweepMs;
    const context = { ...sweepContextOf(ports, history), isOver };
    const { refusal, sweptObjects } = await lib.sweep(context, {
      epoch: segmentEpochAt(ports.clock.now()) + hoursAhead,
    });
    return refusal ?? { sweptObjects };
  };

/** A function of AWS lives no longer. */
const longestSweepMs = 15 * 60_000;

export const sweepContextOf = (ports: Ports, history: Pick<History, 'damage'> = {}): SweepContext => ({
  ...contextOf(ports, history),
  tableName: 'the table',
});

const contextOf = (ports: Ports, { damage }: Pick<History, 'damage'>): MaintenanceContext => ({
  ...ports,
  isDryRun: false,
  isFull: true,
  isOver: () => false,
  counts: newCounts(),
  onDamage: ({ partition }, { offset, reason }) => damage?.push(`maintenance of ${partition} at ${offset}: ${reason}`),
});
