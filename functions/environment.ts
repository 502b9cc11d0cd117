// The composition root in AWS: the engine over the bucket and the table that the function's environment names. It is made
// once per environment, before the first request.

import { createLogContext, type LogContext } from '../lib/log/context.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { openAwsStorage } from '../lib/storage/aws/ports.ts';
import { newCounters } from '../lib/storage/count.ts';
import { createMetrics, type RequestMetrics } from './metrics.ts';

export function openStorage() {
  return openAwsStorage({
    bucket: required('BUCKET'),
    tableName: required('TABLE'),
    // The SDK follows this variable by itself; buckets have no host names there.
    forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined,
    clock: systemClock,
    totals: newCounters(),
  });
}

/** Which half of the engine is made of them, each function says: what it does not need, its bundle does not hold. */
export function openContext(): LogContext {
  return createLogContext({ ...openStorage(), clock: systemClock });
}

export const openMetrics = (): RequestMetrics => createMetrics({ service: serviceName(), perTopic: metricsPerTopic() });

export const metricsPerTopic = (): boolean => process.env.METRICS_PER_TOPIC === 'true';

export const offsetsRetentionMinutes = (): number => Number(required('OFFSETS_RETENTION_MINUTES'));

/** Of the deployment: what its logs and metrics are told apart by from those of another one in the same account. */
export const serviceName = (): string => required('SERVICE');

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set`);
  return value;
}
