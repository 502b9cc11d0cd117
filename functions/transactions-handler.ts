// The hourly care for transactions, as a part of a function. It logs what a person should look at, and emits metrics for it.
// Otherwise it emits nothing: a metric is billed for every hour in which it is emitted.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Transactions, TransactionsReport } from '../lib/api/transactions.ts';
import type { LambdaContext } from './gateway.ts';
import { createLog } from './log.ts';
import { metricNamespace, transactionMetrics } from './metric-names.ts';

/** The care stops this long before the function's timeout. One more transaction takes no longer. */
const REPORT_MS = 30_000;

export function createTransactionsHandler(transactions: Pick<Transactions, 'tend'>, service: string) {
  const { logger } = createLog(service);

  function publish({ stuck, fenced }: TransactionsReport): void {
    const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });
    if (stuck.length > 0) metrics.addMetric(transactionMetrics.stuck, MetricUnit.Count, stuck.length);
    if (fenced.length > 0) metrics.addMetric(transactionMetrics.fenced, MetricUnit.Count, fenced.length);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  }

  return async (context: LambdaContext): Promise<TransactionsReport> => {
    const report = await transactions.tend(() => context.getRemainingTimeInMillis() < REPORT_MS);
    for (const one of report.stuck) logger.error('TRANSACTION_STUCK', one);
    for (const one of report.fenced) logger.warn('TRANSACTIONAL_ID_FENCED', one);
    publish(report);
    if (report.failure) throw report.failure;
    return report;
  };
}
