// The maintenance of groups as a function. Its report is the reply. It logs a line for each group that is behind, and emits
// metrics if any group is. Otherwise it emits nothing: a metric is billed for every hour in which it is emitted.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Groups } from '../lib/api/groups.ts';
import { type GroupBehind, type GroupsReport, tendGroups } from '../lib/maintenance/groups.ts';
import type { LambdaContext } from './gateway.ts';
import { createLog } from './log.ts';
import { groupDimension, lagMetrics, metricNamespace } from './metric-names.ts';

/** The function stops this long before its timeout. The check of one more group takes no longer. */
const REPORT_MS = 30_000;

type Options = {
  readonly service: string;
  readonly perGroup: boolean;
  readonly offsetsRetentionMinutes: number;
};
type Behind = Pick<GroupBehind, 'lag' | 'timeLagMs' | 'lostRecords'> & { readonly expiringGroups?: number };

export function createLagHandler(groups: Groups, { service, perGroup, offsetsRetentionMinutes }: Options) {
  const { logger } = createLog(service);

  function publish({ lag, timeLagMs, lostRecords, expiringGroups = 0 }: Behind, groupId?: string): void {
    const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
    if (groupId !== undefined) metrics.addDimension(groupDimension, groupId);
    if (lag > 0) metrics.addMetric(lagMetrics.lag, MetricUnit.Count, lag);
    if (lag > 0) metrics.addMetric(lagMetrics.timeLag, MetricUnit.Milliseconds, Math.max(0, timeLagMs));
    if (lostRecords > 0) metrics.addMetric(lagMetrics.lostRecords, MetricUnit.Count, lostRecords);
    if (expiringGroups > 0) metrics.addMetric(lagMetrics.expiringGroups, MetricUnit.Count, expiringGroups);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  }

  return async (_event: unknown, context: LambdaContext): Promise<GroupsReport> => {
    const report = await tendGroups(groups, {
      offsetsRetentionMinutes,
      isOver: () => context.getRemainingTimeInMillis() < REPORT_MS,
    });
    const { behind, ...counts } = report;
    for (const one of behind) logger.info('GROUP_BEHIND', one);
    for (const { groupId, expiring } of behind)
      if (expiring) logger.warn('RECORDS_EXPIRE_UNREAD', { groupId, ...expiring });
    if (counts.incomplete !== undefined) logger.warn('LAG_INCOMPLETE', counts);
    publish(report);
    if (perGroup) for (const one of behind) publish(one, one.groupId);
    return report;
  };
}
