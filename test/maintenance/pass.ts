// The tests of maintenance share these: a context for one pass over a world's ports, and a topic as an older version made it.

import type { MaintenanceDamage } from '../../lib/api/maintenance.ts';
import type { Ports } from '../../lib/log/context.ts';
import { newCounts } from '../../lib/maintenance/context.ts';
import type { SweepContext } from '../../lib/maintenance/sweep.ts';
import { topicKey } from '../../lib/storage/keys.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTopics, type Topic } from '../../lib/topic/topics.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** `damage` has what the pass reports. Other ports stand for another process. */
export function passOver(
  { objects, table, clock }: Pick<Ports, 'objects' | 'table' | 'clock'>,
  options: Partial<SweepContext> = {},
): SweepContext & { readonly damage: Omit<MaintenanceDamage, 'partition'>[] } {
  const damage: Omit<MaintenanceDamage, 'partition'>[] = [];
  return {
    ...{ objects, table, clock, isDryRun: false, isFull: false, isOver: () => false, counts: newCounts() },
    onDamage: (_address, found) => void damage.push(found),
    tableName: 'the table',
    ...options,
    damage,
  };
}

/** Merges and joins also what the rules would leave for later. */
export const fullPassOver: typeof passOver = (ports, options) => passOver(ports, { isFull: true, ...options });

export const topicOf = ({ table, clock }: Pick<Ports, 'table' | 'clock'>, topic = 't'): Promise<Topic> =>
  createTopics(table, clock).resolve({ topic });

/** Topics of version 0.1.0 do not say that old records may go. */
export async function makeOld(table: Table, topic = 't'): Promise<void> {
  await table.write({ kind: 'update', key: topicKey(topic), update: { remove: ['rt'] } });
}
