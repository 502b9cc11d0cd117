// The dashboard: one page for the person whom an alarm has woken. It shows the requests, the answers and the cost.
import { Duration, Stack } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { lagMetrics, maintenanceMetrics, pushMetrics, requestMetrics } from '../functions/metric-names.ts';
import { functionNames } from '../functions/routes.ts';
import type { Metrics } from './alarms.ts';
import type { RivuletConfig } from './config.ts';

export function createDashboard(scope: Construct, { name }: RivuletConfig, metrics: Metrics): Dashboard {
  const { ofApi, ofFunction, ofTable, ofDeadLetters, own } = metrics;
  const graph = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 8 });
  const ofEach = (metricName: string, statistic?: string) =>
    functionNames.map((name) => ofFunction(name, metricName, statistic).with({ label: name }));
  const greatest = (metricName: string) => own(metricName).with({ statistic: Stats.MAXIMUM });
  const hourly = own(requestMetrics.costUsd).with({ period: Duration.hours(1) });
  return new Dashboard(scope, 'Dashboard', {
    // The names of dashboards are unique in an account, not in a region.
    dashboardName: `${name}-${Stack.of(scope).region}`,
    widgets: [
      [
        graph('Requests', [ofApi('Count'), ofApi('4xx'), ofApi('5xx')]),
        graph('Latency, milliseconds', [ofApi('Latency', Stats.p(50)), ofApi('Latency', Stats.p(99))]),
        graph('Functions: p99, milliseconds', ofEach('Duration', Stats.p(99))),
      ],
      [
        graph('Records', [own(requestMetrics.records)]),
        graph('Bytes', [own(requestMetrics.bytes)]),
        graph('Storage cost per hour, dollars', [hourly]),
      ],
      [
        graph('Appends, conflicts, retries, hedges', [
          own(requestMetrics.appends),
          own(requestMetrics.conflicts),
          own(requestMetrics.retries),
          own(requestMetrics.hedges),
        ]),
        graph('Units and calls', [
          own(requestMetrics.writeUnits),
          own(requestMetrics.readUnits),
          own(requestMetrics.s3Puts),
          own(requestMetrics.s3Gets),
        ]),
        graph('Throttled', [...ofEach('Throttles'), ofTable('WriteThrottleEvents'), ofTable('ReadThrottleEvents')]),
      ],
      [
        graph('Errors of functions', ofEach('Errors')),
        graph('Running at the same time', ofEach('ConcurrentExecutions', Stats.MAXIMUM)),
        graph('Maintenance', [
          ofDeadLetters(),
          own(maintenanceMetrics.missingObjects, Stats.MAXIMUM),
          own(maintenanceMetrics.orphanObjects, Stats.MAXIMUM),
          own(maintenanceMetrics.orphanBytes, Stats.MAXIMUM),
          own(maintenanceMetrics.stoppedMerges, Stats.MAXIMUM),
        ]),
      ],
      [
        graph('Groups: records not read', [
          greatest(lagMetrics.lag),
          own(lagMetrics.lostRecords),
          greatest(lagMetrics.expiringGroups),
        ]),
        graph('Groups: age of the oldest, milliseconds', [greatest(lagMetrics.timeLag)]),
        graph('Maintenance: bytes removed', [
          own(maintenanceMetrics.reclaimedBytes),
          own(maintenanceMetrics.sweptBytes, Stats.MAXIMUM),
        ]),
      ],
      [
        graph('Pushed: age of the oldest, milliseconds', [greatest(pushMetrics.lag)]),
        graph('Pushed: failures', [own(pushMetrics.failures), own(pushMetrics.blocked), greatest(pushMetrics.paused)]),
        graph('Pushed: records given up or lost', [own(pushMetrics.deadLetters), own(pushMetrics.lostRecords)]),
      ],
    ],
  });
}
