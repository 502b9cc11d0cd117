// The audit as a function. Its report is the reply and one line of the log, and it emits metrics when something is wrong.
// Otherwise it emits nothing: a metric is billed for every hour in which it is emitted, and alarms treat its absence as good.
//
// A scheduled run has no reader of its reply. So a scheduled audit that could not finish fails, and its event goes to the
// dead letter queue. An operator who invokes the function with {"verify": true} gets the report as it is.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { type AuditOptions, type AuditReport, audit } from '../lib/maintenance/audit.ts';
import type { LambdaContext } from './gateway.ts';
import { createLog } from './log.ts';
import { maintenanceMetrics, metricNamespace } from './metric-names.ts';

/** The audit stops this long before the function's timeout, so that calls under way can end and the report can be written. */
const REPORT_MS = 30_000;

export function createAuditHandler(ports: Omit<AuditOptions, 'isOver' | 'maxNames'>, service: string) {
  const { logger } = createLog(service);
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });

  function publish({ orphans, orphanBytes, missingObjects }: AuditReport): void {
    if (orphans > 0) metrics.addMetric(maintenanceMetrics.orphanObjects, MetricUnit.Count, orphans);
    if (orphans > 0) metrics.addMetric(maintenanceMetrics.orphanBytes, MetricUnit.Bytes, orphanBytes);
    if (missingObjects > 0) metrics.addMetric(maintenanceMetrics.missingObjects, MetricUnit.Count, missingObjects);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  }

  return async (event: { readonly verify?: boolean }, context: LambdaContext): Promise<AuditReport> => {
    const report = await audit({ ...ports, isOver: () => context.getRemainingTimeInMillis() < REPORT_MS });
    const { missing, ...counts } = report;
    for (const one of missing) logger.error('MISSING_OBJECT', one);
    if (counts.incomplete === undefined) logger.info('AUDIT', counts);
    else logger.warn('AUDIT_INCOMPLETE', counts);
    publish(report);
    if (report.incomplete !== undefined && event.verify !== true) throw new Error(report.incomplete);
    return report;
  };
}
