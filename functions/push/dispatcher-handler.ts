// The dispatcher: each invocation is a run that delivers one partition of one subscription. It also makes the deliveries for
// which a person waits, because its role alone may call targets.
//
// Invariant: a run that cannot go on throws. Lambda keeps its event, and invokes the dispatcher again.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Delivery, PushEvent, PushInvocation, PushPorts, RetryReply, SubscriptionRef } from '../../lib/api/push.ts';
import type { LogContext } from '../../lib/log/context.ts';
import { createDispatcher, createSubscriptions } from '../../lib/push/create-subscriptions.ts';
import type { LambdaContext } from '../gateway.ts';
import { createLog } from '../log.ts';
import { metricNamespace, pushMetrics } from '../metric-names.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

export type DispatcherContext = LambdaContext & { readonly invokedFunctionArn: string };
/** A run, or one of the deliveries for which somebody waits. */
export type DispatcherEvent = PushInvocation | { readonly retry: SubscriptionRef } | { readonly testInvoke: SubscriptionRef };

type Ports = Pick<PushPorts, 'targets'> & {
  /** How runs go on: it is given the ARN of the dispatcher. */
  readonly invoke: (dispatcherArn: string) => PushPorts['invoke'];
};

export function createDispatcherHandler(log: LogContext, { targets, invoke }: Ports, service: string) {
  const { logger } = createLog(service);
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });

  function observe({ kind, ...event }: PushEvent): void {
    const metric = metricOf[kind];
    if (metric !== undefined) metrics.addMetric(metric, MetricUnit.Count, kind === 'failed' ? 1 : event.records);
    if (kind === 'delivered') return;
    if (kind === 'failed' || kind === 'throttled') logger.warn('PUSH_FAILED', { outcome: kind, ...event });
    else logger.error('PUSH_TROUBLE', { outcome: kind, ...event });
  }

  return async (event: DispatcherEvent, context: DispatcherContext): Promise<Outcome<Delivery | RetryReply> | undefined> => {
    const ports = { targets, invoke: invoke(context.invokedFunctionArn), observe };
    try {
      if ('retry' in event) return await outcomeOf(createSubscriptions(log, ports).retry(event.retry));
      if ('testInvoke' in event) return await outcomeOf(createSubscriptions(log, ports).testInvoke(event.testInvoke));
      await createDispatcher(log, ports).run(event, { leftMs: () => context.getRemainingTimeInMillis() });
      return undefined;
    } finally {
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    }
  };
}

const metricOf: { readonly [Kind in PushEvent['kind']]?: string } = {
  failed: pushMetrics.failures,
  'given up': pushMetrics.deadLetters,
  'destination refused': pushMetrics.blocked,
  lost: pushMetrics.lostRecords,
};
