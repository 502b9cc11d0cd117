// The daily maintenance as a function: it looks at all partitions, and sweeps. It logs two lines, and emits metrics when
// something is wrong or was reclaimed. Otherwise it emits nothing: a metric is billed for every hour in which it is emitted.
//
// A scheduled run has no reader of its reply. So a run that could not finish fails, and its event goes to the dead letter
// queue.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { dayMs } from '../lib/maintenance/due.ts';
import { type PassRef, runPass } from '../lib/maintenance/pass.ts';
import { newReport } from '../lib/maintenance/report.ts';
import type { SweepReport } from '../lib/maintenance/sweep.ts';
import { sweepAll } from '../lib/maintenance/sweep-all.ts';
import { upgradeDelayMs } from '../lib/maintenance/tools.ts';
import { type Errand, type Looked, lookAround } from '../lib/maintenance/upkeep.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import type { ObjectStore } from '../lib/storage/object-store.ts';
import type { Table } from '../lib/storage/table.ts';
import type { LambdaContext } from './gateway.ts';
import { createLog } from './log.ts';
import { maintenanceMetrics, metricNamespace } from './metric-names.ts';

/**
 * With `verify` the function only audits. With `pass` it ends a pass over all topics. `adopt` gives the bucket to the table of
 * this deployment: it is the last step of a restore.
 */
export type MaintenanceEvent = { readonly verify?: boolean; readonly adopt?: boolean; readonly pass?: PassRef };

type Ports = { readonly objects: ObjectStore; readonly table: Table; readonly tableName: string };
type Options = {
  readonly service: string;
  readonly audit: (event: MaintenanceEvent, context: LambdaContext) => Promise<unknown>;
  /** Sends an errand to the tend function. Without it nothing runs by itself, and the daily run is an audit. */
  readonly send?: (errand: Errand) => Promise<void>;
};

/** The function stops this long before its timeout, so that calls under way can end and the report can be written. */
const reportMs = 30_000;
/** Pages are due after a day, and the daily look finds them within another one. */
const lateMs = 2 * dayMs;

export function createMaintenanceHandler(ports: Ports, { service, audit, send }: Options) {
  const { logger } = createLog(service);
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
  const add = (name: keyof typeof maintenanceMetrics, unit: typeof MetricUnit.Count | 'Bytes' | 'Seconds', n: number) =>
    void (n > 0 && metrics.addMetric(maintenanceMetrics[name], unit, n));

  function publishLook({ unmergedAgeMs, damagedPartitions }: Looked): void {
    if (unmergedAgeMs > lateMs) add('unmergedAge', MetricUnit.Seconds, Math.round(unmergedAgeMs / 1000));
    add('stoppedMerges', MetricUnit.Count, damagedPartitions);
  }

  function publishSweep({ audit: audited, sweptObjects, sweptBytes }: SweepReport): void {
    const { missingObjects, missing, orphans, orphanBytes } = audited;
    for (const one of missing) logger.error('MISSING_OBJECT', one);
    add('missingObjects', MetricUnit.Count, missingObjects);
    add('orphanObjects', MetricUnit.Count, orphans - sweptObjects);
    add('orphanBytes', MetricUnit.Bytes, orphanBytes - sweptBytes);
    add('sweptObjects', MetricUnit.Count, sweptObjects);
    add('sweptBytes', MetricUnit.Bytes, sweptBytes);
  }

  const toolsOf = (context: LambdaContext) => ({
    ...{ ...ports, clock: systemClock, mergeDelayMs: upgradeDelayMs, maySweep: true },
    isOver: () => context.getRemainingTimeInMillis() < reportMs,
  });

  async function look(context: LambdaContext, errands: NonNullable<Options['send']>): Promise<string[]> {
    const looked = await lookAround(toolsOf(context), errands);
    logger.info('LOOKED', looked);
    publishLook(looked);
    return looked.isCut ? ['no time was left to look at all topics'] : [];
  }

  async function sweepOnce(context: LambdaContext, adopt = false): Promise<{ swept: SweepReport; notes: string[] }> {
    const report = newReport();
    const swept = await sweepAll(toolsOf(context), false, report, adopt);
    const { missing: _, ...audited } = swept.audit;
    logger.info('SWEPT', { ...swept, audit: audited });
    publishSweep(swept);
    return { swept, notes: [...report.notes] };
  }

  async function daily(context: LambdaContext, errands: NonNullable<Options['send']>): Promise<SweepReport> {
    const late = await look(context, errands);
    const { swept, notes } = await sweepOnce(context);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    const undone = [...late, ...notes];
    if (undone.length > 0) throw new Error(undone.join('; '));
    return swept;
  }

  return async (event: MaintenanceEvent, context: LambdaContext): Promise<unknown> => {
    if (event.pass) return runPass(toolsOf(context), event.pass);
    if (event.adopt === true) return (await sweepOnce(context, true)).swept;
    return event.verify === true || !send ? audit(event, context) : daily(context, send);
  };
}
