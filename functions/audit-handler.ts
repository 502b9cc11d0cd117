// The audit as a function: its report is the reply, one line of the log, and metrics where there is something wrong. Nothing
// wrong emits nothing: a metric is billed for every hour in which it is emitted, and alarms take its absence for good news.
//
// By its schedule nobody reads the reply: there an audit that could not be finished fails, and ends in the dead letters. Who
// invokes it with {"verify": true} gets the report as it is.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { type AuditOptions, type AuditReport, audit } from '../lib/maintenance/audit.ts';
import type { LambdaContext } from './gateway.ts';
import { createLog } from './log.ts';
import { maintenanceMetrics, metricNamespace } from './metric-names.ts';

/** Before the end of the function's time: what is under way takes no longer, and then there is the report to write. */
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
