// The dispatcher: each invocation is a run that delivers one partition of one subscription. It also makes the deliveries for
// which a person waits, because its role alone may call targets.
//
// Invariant: a run that cannot go on throws. Lambda keeps its event, and invokes the dispatcher again. A run without trouble
// logs nothing and emits nothing, because a line for each run would cost as much as the run.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type {
  Delivery,
  PushEvent,
  PushInvocation,
  PushPorts,
  PushTargets,
  RetryReply,
  SubscriptionRef,
} from '../../lib/api/push.ts';
import type { LogContext } from '../../lib/log/context.ts';
import { createDispatcher, createSubscriptions } from '../../lib/push/create-subscriptions.ts';
import type { LambdaContext } from '../gateway.ts';
import { createLog } from '../log.ts';
import { metricNamespace, pushMetrics } from '../metric-names.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

export type DispatcherContext = LambdaContext & { readonly invokedFunctionArn: string };
/** A run, or one of the deliveries for which somebody waits. */
export type DispatcherEvent =
  | PushInvocation
  | { readonly retry: SubscriptionRef }
  | { readonly testInvoke: SubscriptionRef };

type Ports = Pick<PushPorts, 'targets'> & {
  /** How runs go on: it is given the ARN of the dispatcher. */
  readonly invoke: (dispatcherArn: string) => PushPorts['invoke'];
};

/** A record that is younger when its delivery begins is on time. */
const lateMs = 60_000;

export function createDispatcherHandler(log: LogContext, { targets, invoke }: Ports, service: string) {
  const { logger } = createLog(service);
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });

  function observe({ kind, ...event }: PushEvent): void {
    const metric = metricOf[kind];
    if (metric !== undefined) metrics.addMetric(metric, MetricUnit.Count, kind === 'failed' ? 1 : event.records);
    if (kind === 'failed' || kind === 'throttled') logger.warn('PUSH_FAILED', { outcome: kind, ...event });
    else if (kind !== 'delivered') logger.error('PUSH_TROUBLE', { outcome: kind, ...event });
  }

  const timed = timing(targets, (timestampMs) => {
    const age = log.clock.now() - timestampMs;
    if (age > lateMs) metrics.addMetric(pushMetrics.lag, MetricUnit.Milliseconds, age);
  });

  return async (
    event: DispatcherEvent,
    context: DispatcherContext,
  ): Promise<Outcome<Delivery | RetryReply> | undefined> => {
    const ports = { targets: timed, invoke: invoke(context.invokedFunctionArn), observe };
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

/** The same targets. `saw` is given the time of the oldest record of each event. */
function timing(targets: PushTargets, saw: (timestampMs: number) => void): PushTargets {
  return {
    ...targets,
    open(settings, secrets) {
      const target = targets.open(settings, secrets);
      return {
        deliver(batch, options) {
          saw(batch.records[0]!.timestampMs);
          return target.deliver(batch, options);
        },
      };
    },
  };
}
