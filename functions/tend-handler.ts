// Tending as a function. It begins no new output after ten minutes, and invokes itself while there is more to do. Each run
// must get on: a run that did nothing is not followed by another one.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { type PassRef, runPass } from '../lib/maintenance/pass.ts';
import type { Report } from '../lib/maintenance/report.ts';
import { upgradeDelayMs } from '../lib/maintenance/tools.ts';
import { type Errand, runErrand } from '../lib/maintenance/upkeep.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import type { ObjectStore } from '../lib/storage/object-store.ts';
import type { Table } from '../lib/storage/table.ts';
import type { LambdaContext } from './gateway.ts';
import type { Invoke } from './invoke.ts';
import { createLog } from './log.ts';
import { maintenanceMetrics, metricNamespace } from './metric-names.ts';

/** `sweeper` is the function that ends a pass over all topics: it may delete objects. */
export type TendEvent = { readonly errand: Errand } | { readonly pass: PassRef; readonly sweeper: string };
export type TendContext = LambdaContext & { readonly functionName: string };

/** The function lives for 15 minutes. */
const endsMs = 5 * 60_000;

export function createTendHandler(ports: { objects: ObjectStore; table: Table }, service: string, invoke: Invoke) {
  const { logger } = createLog(service);
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
  const toolsOf = (context: TendContext) => ({
    ...ports,
    clock: systemClock,
    mergeDelayMs: upgradeDelayMs,
    isOver: () => context.getRemainingTimeInMillis() < endsMs,
  });

  function publish({ counts, damaged }: Report): void {
    const reclaimed = counts.expiredBytes + counts.compactedBytes;
    if (reclaimed > 0) metrics.addMetric(maintenanceMetrics.reclaimedBytes, MetricUnit.Bytes, reclaimed);
    if (damaged > 0) metrics.addMetric(maintenanceMetrics.stoppedMerges, MetricUnit.Count, damaged);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  }

  async function tendErrand(errand: Errand, context: TendContext): Promise<void> {
    const { report, left } = await runErrand(toolsOf(context), errand);
    for (const one of report.damage) logger.error('MERGE_STOPPED', one);
    if (hasDoneSomething(report)) logger.info('TENDED', { topic: errand.topic, ...report });
    publish(report);
    if (left && !hasDoneSomething(report) && report.partitions === 0)
      throw new Error(`maintenance of ${errand.topic}/${left.partitions[0]} does not get on`);
    if (left) await invoke(context.functionName, { errand: left });
    if (report.notes.length > 0) throw new Error(report.notes.join('; '));
  }

  async function tendPass(event: { pass: PassRef; sweeper: string }, context: TendContext): Promise<void> {
    const end = await runPass({ ...toolsOf(context), maySweep: false, tableName: '' }, event.pass);
    if (end === 'more') await invoke(context.functionName, event);
    if (end === 'sweep') await invoke(event.sweeper, { pass: event.pass });
  }

  return (event: TendEvent, context: TendContext): Promise<void> =>
    'errand' in event ? tendErrand(event.errand, context) : tendPass(event, context);
}

const hasDoneSomething = ({ counts }: Report): boolean => Object.values(counts).some((count) => count > 0);
