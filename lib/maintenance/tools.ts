// The tools of maintenance in one process, and the context that the steps get for one topic.
import type { ObjectStore } from '../storage/object-store.ts';
import { beginMaintenance, maintenanceBegunMs } from '../topic/maintenance-begun.ts';
import type { Topic } from '../topic/topics.ts';
import type { MaintenanceContext } from './context.ts';
import type { PassTable } from './pass-item.ts';
import { addDamage, type Report } from './report.ts';
import type { Tending } from './tend.ts';

export type MaintenanceTools = PassTable &
  Pick<MaintenanceContext, 'onLogStart'> & {
    readonly objects: ObjectStore;
    /** The time of this process is up: begin nothing more. */
    readonly isOver: () => boolean;
    /** Merging begins so long after the first pass of this version. 0 where no older version can be at work. */
    readonly mergeDelayMs: number;
  };

/** How long functions of an older version may still answer requests beside new ones. */
export const upgradeDelayMs = 3_600_000;

type Mode = Pick<Tending, 'isDryRun' | 'isFull' | 'isAskedFor' | 'owner' | 'begunMs'>;

export function tendingOf(tools: MaintenanceTools, topic: Topic, report: Report, mode: Mode): Tending {
  const { objects, table, clock, isOver, mergeDelayMs, onLogStart } = tools;
  return {
    ...{ objects, table, clock, isOver, mergeDelayMs },
    ...mode,
    ...(onLogStart && { onLogStart }),
    counts: report.counts as Tending['counts'],
    onDamage: ({ partition }, damage) => addDamage(report, { topic: topic.topic, partition, ...damage }),
  };
}

/** A dry run writes nothing: the time that topics from before have until retention begins must not start with it. */
export async function begunOf({ table, clock }: MaintenanceTools, isDryRun: boolean): Promise<number> {
  const nowMs = clock.now();
  const begunMs = await maintenanceBegunMs(table);
  return begunMs ?? (isDryRun ? nowMs : beginMaintenance(table, nowMs));
}
