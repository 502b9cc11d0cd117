// The composition root in AWS. It opens the bucket and the table that the function's environment variables name, and builds
// the engine's context over them. This happens once per execution environment, before the first request.

import { createLogContext, type LogContext, type Ports } from '../lib/log/context.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { openAwsStorage } from '../lib/storage/aws/ports.ts';
import { newCounters } from '../lib/storage/count.ts';
import { createMetrics, type RequestMetrics } from './metrics.ts';

export function openStorage() {
  // The SDK reads this variable by itself. It means an emulator, where buckets have no host names.
  const isEmulator = process.env.AWS_ENDPOINT_URL !== undefined;
  return openAwsStorage({
    bucket: required('BUCKET'),
    tableName: required('TABLE'),
    forcePathStyle: isEmulator,
    hedged: !isEmulator,
    clock: systemClock,
    totals: newCounters(),
  });
}

/** Each function builds the half of the engine that it needs from this context, so that its bundle holds nothing else. */
export function openContext(more: Pick<Ports, 'hint'> = {}): LogContext {
  return createLogContext({ ...openStorage(), clock: systemClock, ...more });
}

export const openMetrics = (): RequestMetrics => createMetrics({ service: serviceName(), perTopic: metricsPerTopic() });

export const metricsPerTopic = (): boolean => process.env.METRICS_PER_TOPIC === 'true';

export const offsetsRetentionMinutes = (): number => Number(required('OFFSETS_RETENTION_MINUTES'));

/** The deployment's name, which distinguishes its logs and metrics from those of another deployment in the same account. */
export const serviceName = (): string => required('SERVICE');

/** Another table may have the same name in another region or account, but not the same ARN. */
export const tableArn = (): string => required('TABLE_ARN');

/** The function that tends partitions. It is unset where maintenance does not run by itself. */
export const tendFunction = (): string | undefined => process.env.TEND_FUNCTION || undefined;

/** The function that runs passes: the same one, always set where passes are started. */
export const passFunction = (): string => required('TEND_FUNCTION');

/** The function that sweeps. */
export const maintenanceFunction = (): string => required('MAINTENANCE_FUNCTION');

/** The function that pushes records. */
export const dispatcherFunction = (): string => required('DISPATCHER_FUNCTION');

/** The group of the dispatcher's schedules, and the role with which the Scheduler invokes it. */
export const scheduleGroup = (): string => required('SCHEDULE_GROUP');
export const scheduleRole = (): string => required('SCHEDULE_ROLE');

/** The ARNs to which subscriptions of the API may push. `*` stands for any text. */
export const pushTargets = (): readonly string[] =>
  (process.env.PUSH_TARGETS ?? '').split(',').filter((arn) => arn !== '');

/** Where a client of Kafka's protocol would connect, for handlers that look. Empty where there is no Kafka gateway. */
export const bootstrapServers = (): string => process.env.BOOTSTRAP_SERVERS ?? '';

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set`);
  return value;
}
