// The alarms, as data. Each reports a state that a person can mend, and has a heading in docs/RUNBOOK.md that says how.
// An alarm costs $0.10 a month. So `small` has the alarms that mean danger to data or service, and `full` adds the early signs.
//
// Every alarm but one is silent when its metric has no data: without calls nothing can be wrong.
import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import {
  lagMetrics,
  maintenanceMetrics,
  metricDimension,
  metricNamespace,
  pushMetrics,
  requestMetrics,
  transactionMetrics,
} from '../functions/metric-names.ts';
import type { FunctionName } from '../functions/routes.ts';
import type { RivuletConfig, WatchSize } from './config.ts';

/** The names that CloudWatch uses for the parts of a deployment. */
export type Watched = {
  readonly apiId: string;
  readonly tableName: string;
  readonly deadLettersName: string;
  readonly functionNames: Readonly<Record<FunctionName, string>>;
};

type AlarmSpec = {
  readonly name: string;
  readonly size: Exclude<WatchSize, 'off'>;
  /** A sentence for the mail. */
  readonly says: string;
  metric(metrics: Metrics): Metric;
  readonly threshold: number;
  /** The alarm goes off when `bad` of the last `of` periods are beyond the threshold. */
  readonly periods: readonly [bad: number, of: number];
  /** The alarm goes off below the threshold, and also when there is no data. */
  readonly silenceIsBad?: true;
};

const fiveMinutes = Duration.minutes(5);
const anHour = Duration.hours(1);
const sixHours = Duration.hours(6);
const aDay = Duration.days(1);

export function metricsOf(watched: Watched, { name }: Pick<RivuletConfig, 'name'>) {
  const { apiId, tableName, deadLettersName, functionNames } = watched;
  const metric = (namespace: string, metricName: string, dimensionsMap: Record<string, string>, statistic: string) =>
    new Metric({ namespace, metricName, dimensionsMap, statistic, period: fiveMinutes });
  return {
    ofApi: (metricName: string, statistic: string = Stats.SUM) =>
      metric('AWS/ApiGateway', metricName, { ApiId: apiId }, statistic),
    ofFunction: (name: FunctionName, metricName: string, statistic: string = Stats.SUM) =>
      metric('AWS/Lambda', metricName, { FunctionName: functionNames[name] }, statistic),
    ofTable: (metricName: string) => metric('AWS/DynamoDB', metricName, { TableName: tableName }, Stats.SUM),
    ofDeadLetters: () =>
      metric('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: deadLettersName }, Stats.MAXIMUM),
    own: (metricName: string, statistic: string = Stats.SUM) =>
      metric(metricNamespace, metricName, { [metricDimension]: name }, statistic),
  };
}

export type Metrics = ReturnType<typeof metricsOf>;

export const alarms: readonly AlarmSpec[] = [
  {
    name: 'ServerErrors',
    size: 'small',
    says: 'The API answers with 5xx.',
    metric: ({ ofApi }) => ofApi('5xx'),
    threshold: 5,
    periods: [2, 3],
  },
  {
    name: 'HotPartition',
    size: 'small',
    says: 'DynamoDB throttles writes: one partition takes more appends than one item can.',
    metric: ({ ofTable }) => ofTable('WriteThrottleEvents'),
    threshold: 10,
    periods: [2, 3],
  },
  {
    name: 'DeadLetters',
    size: 'small',
    says: 'Maintenance, the hourly check of the groups, or what pushes records failed several times in a row.',
    metric: ({ ofDeadLetters }) => ofDeadLetters(),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'MissingObjects',
    size: 'small',
    says: 'The index names objects that the bucket does not have.',
    metric: ({ own }) => own(maintenanceMetrics.missingObjects, Stats.MAXIMUM).with({ period: aDay }),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'MergeStopped',
    size: 'small',
    says: 'Damage in what is stored stops the merge of a partition.',
    metric: ({ own }) => own(maintenanceMetrics.stoppedMerges, Stats.MAXIMUM).with({ period: aDay }),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'RecordsExpireUnread',
    size: 'small',
    says: 'Retention is about to remove records that a consumer group has not read.',
    metric: ({ own }) => own(lagMetrics.expiringGroups, Stats.MAXIMUM).with({ period: anHour }),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'PushLostRecords',
    size: 'small',
    says: 'Retention removed records before they were pushed.',
    metric: ({ own }) => own(pushMetrics.lostRecords),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'PushBlocked',
    size: 'small',
    says: 'A subscription stands still, because the place of its dead letters refuses them.',
    metric: ({ own }) => own(pushMetrics.blocked),
    threshold: 1,
    periods: [2, 3],
  },
  {
    name: 'PushBehind',
    size: 'full',
    says: 'Records are pushed later than ten minutes after they were written.',
    metric: ({ own }) => own(pushMetrics.lag, Stats.MAXIMUM),
    threshold: 10 * 60_000,
    periods: [3, 3],
  },
  {
    name: 'PushFailures',
    size: 'full',
    says: 'A function or webhook fails again and again.',
    metric: ({ own }) => own(pushMetrics.failures),
    threshold: 5,
    periods: [3, 3],
  },
  {
    name: 'PushDeadLetters',
    size: 'full',
    says: 'Records were given up, and are dead letters now.',
    metric: ({ own }) => own(pushMetrics.deadLetters),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'PushPaused',
    size: 'full',
    says: 'A subscription is paused.',
    metric: ({ own }) => own(pushMetrics.paused, Stats.MAXIMUM).with({ period: anHour }),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'SlowProduce',
    size: 'full',
    says: 'One produce request in a hundred takes longer than three seconds.',
    metric: ({ ofFunction }) => ofFunction('produce', 'Duration', Stats.p(99)),
    threshold: 3_000,
    periods: [3, 3],
  },
  {
    name: 'ProduceThrottled',
    size: 'full',
    says: 'Lambda refuses to run the produce function: the account has no concurrency left.',
    metric: ({ ofFunction }) => ofFunction('produce', 'Throttles'),
    threshold: 1,
    periods: [2, 3],
  },
  {
    name: 'FetchThrottled',
    size: 'full',
    says: 'Lambda refuses to run the fetch function: more consumers wait than its cap or the account allows.',
    metric: ({ ofFunction }) => ofFunction('fetch', 'Throttles'),
    threshold: 10,
    periods: [3, 3],
  },
  {
    name: 'Conflicts',
    size: 'full',
    says: 'Appends often find that another append has just changed the head of their partition.',
    metric: ({ own }) => own(requestMetrics.conflicts),
    threshold: 1_000,
    periods: [3, 3],
  },
  {
    name: 'GroupsBehind',
    size: 'full',
    says: 'A consumer group has not read a record that is an hour old.',
    metric: ({ own }) => own(lagMetrics.timeLag).with({ period: anHour, statistic: Stats.MAXIMUM }),
    threshold: anHour.toMilliseconds(),
    periods: [2, 2],
  },
  {
    name: 'StuckTransactions',
    size: 'full',
    says: 'A transaction was committed, and not all of its records can be read yet.',
    metric: ({ own }) => own(transactionMetrics.stuck, Stats.MAXIMUM).with({ period: anHour }),
    threshold: 1,
    periods: [1, 1],
  },
  {
    name: 'FencedTransactionalIds',
    size: 'full',
    says: "Several producers use one transactional id, and end each other's transactions.",
    metric: ({ own }) => own(transactionMetrics.fenced, Stats.MAXIMUM).with({ period: anHour }),
    threshold: 1,
    periods: [2, 2],
  },
  {
    name: 'Orphans',
    size: 'full',
    says: 'The bucket has many objects that the index does not name. They only cost storage.',
    metric: ({ own }) => own(maintenanceMetrics.orphanObjects, Stats.MAXIMUM).with({ period: aDay }),
    threshold: 10_000,
    periods: [1, 1],
  },
  {
    name: 'MergeBehind',
    size: 'full',
    says: 'A range that a merge should have taken has waited for more than three days.',
    metric: ({ own }) => own(maintenanceMetrics.unmergedAge, Stats.MAXIMUM).with({ period: aDay }),
    threshold: 3 * aDay.toSeconds(),
    periods: [1, 1],
  },
  {
    name: 'MaintenanceNotRun',
    size: 'full',
    says: 'Maintenance has not run for more than a day.',
    // The window slides. Two daily runs can be a little more than a day apart, so the window must be longer than a day.
    metric: ({ ofFunction }) => ofFunction('maintenance', 'Invocations').with({ period: sixHours }),
    threshold: 1,
    periods: [5, 5],
    silenceIsBad: true,
  },
];

export const comparisonOf = ({ silenceIsBad }: AlarmSpec): ComparisonOperator =>
  silenceIsBad ? ComparisonOperator.LESS_THAN_THRESHOLD : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD;

/** The heading of this alarm in docs/RUNBOOK.md. */
export const headingOf = (name: string): string => `Alarm: ${name}`;
