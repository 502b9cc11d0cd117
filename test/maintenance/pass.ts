// The tests of maintenance share these: a context for one pass over a world's ports, and a topic as an older version made it.

import type { Ports } from '../../lib/log/context.ts';
import { type MaintenanceContext, newCounts } from '../../lib/maintenance/context.ts';
import { topicKey } from '../../lib/storage/keys.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTopics, type Topic } from '../../lib/topic/topics.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export function passOver(
  { objects, table, clock }: Ports,
  options: Partial<MaintenanceContext> = {},
): MaintenanceContext {
  return {
    ...{ objects, table, clock, isDryRun: false, isFull: false, isOver: () => false, counts: newCounts() },
    onDamage: (_, { reason }) => {
      throw new Error(reason);
    },
    ...options,
  };
}

export const topicOf = ({ table, clock }: Pick<Ports, 'table' | 'clock'>, topic = 't'): Promise<Topic> =>
  createTopics(table, clock).resolve({ topic });

/** Topics of version 0.1.0 do not say that old records may go. */
export async function makeOld(table: Table, topic = 't'): Promise<void> {
  await table.write({ kind: 'update', key: topicKey(topic), update: { remove: ['rt'] } });
}
