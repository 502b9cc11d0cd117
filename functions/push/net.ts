// The hourly net under the triggers of pushes, as a part of a function. It invokes the dispatcher wherever records wait and no
// run is at work, and counts the subscriptions that are paused. It emits nothing if there are none: a metric is billed for every
// hour in which it is emitted.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Dispatcher, Subscriptions } from '../../lib/api/push.ts';
import type { LambdaContext } from '../gateway.ts';
import { createLog } from '../log.ts';
import { metricNamespace, pushMetrics } from '../metric-names.ts';

/** The net stops this long before the function's timeout. The look at one more subscription takes no longer. */
const reportMs = 30_000;
const pageOfSubscriptions = 1_000;

type Net = Pick<Dispatcher, 'lookAround'>;

export function createPushNet(dispatcher: Net, subscriptions: Pick<Subscriptions, 'list'>, service: string) {
  const { logger } = createLog(service);

  async function countPaused(): Promise<void> {
    const page = await subscriptions.list({ limit: pageOfSubscriptions });
    const paused = page.subscriptions.filter(({ state }) => state !== 'Enabled');
    for (const { topic, groupId, state, pausedReason } of paused)
      logger.warn('SUBSCRIPTION_PAUSED', { topic, groupId, state, reason: pausedReason });
    if (paused.length === 0) return;
    const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
    metrics.addMetric(pushMetrics.paused, MetricUnit.Count, paused.length);
    metrics.publishStoredMetrics();
  }

  return async (context: LambdaContext): Promise<void> => {
    const invoked = await dispatcher.lookAround({ isOver: () => context.getRemainingTimeInMillis() < reportMs });
    // A trigger is lost now and then. Many lost ones are worth a look.
    if (invoked > 0) logger.warn('PUSH_NOT_TRIGGERED', { partitions: invoked });
    await countPaused();
  };
}
