// The function that looks after groups and transactions once an hour. It closes dead members and removes old offsets and
// groups when no member's heartbeat does so, and reports how far each group is behind. It aborts abandoned transactions, and
// applies decided ones. It invokes the dispatcher for records that no trigger has pushed. Then it looks for retention that is due more often than daily. It neither reads nor writes objects.
import { createGroups } from '../lib/group/create-groups.ts';
import { upgradeDelayMs } from '../lib/maintenance/tools.ts';
import { lookAround } from '../lib/maintenance/upkeep.ts';
import { createDispatcher, createSubscriptions } from '../lib/push/create-subscriptions.ts';
import { noTargets } from '../lib/push/no-targets.ts';
import { createTransactions } from '../lib/transaction/create-transactions.ts';
import {
  dispatcherFunction,
  metricsPerTopic,
  offsetsRetentionMinutes,
  openContext,
  serviceName,
  tendFunction,
} from './environment.ts';
import type { LambdaContext } from './gateway.ts';
import { invoke } from './invoke.ts';
import { createLagHandler } from './lag-handler.ts';
import { createPushNet } from './push/net.ts';
import { invokesDispatcher } from './push/schedule.ts';
import { createTransactionsHandler } from './transactions-handler.ts';

const context = openContext();
const tend = tendFunction();

const lookAtGroups = createLagHandler(createGroups(context), {
  service: serviceName(),
  perGroup: metricsPerTopic(),
  offsetsRetentionMinutes: offsetsRetentionMinutes(),
});

const lookAtTransactions = createTransactionsHandler(createTransactions(context), serviceName());

const lookAtPushes = createPushNet(
  createDispatcher(context, { ...noTargets, invoke: invokesDispatcher(dispatcherFunction()) }),
  createSubscriptions(context, noTargets),
  serviceName(),
);

const lookAtRetention = async (lambda: LambdaContext): Promise<void> => {
  if (tend === undefined) return;
  const isOver = () => lambda.getRemainingTimeInMillis() < 10_000;
  await lookAround({ ...context, mergeDelayMs: upgradeDelayMs, isOver }, (errand) => invoke(tend, { errand }), true);
};

/** One kind of care is taken also if another one has failed. */
export async function handler(event: unknown, lambda: LambdaContext) {
  const cares = [(one: LambdaContext) => lookAtGroups(event, one), lookAtTransactions, lookAtPushes, lookAtRetention];
  const failures: unknown[] = [];
  const reports: unknown[] = [];
  for (const care of cares)
    await care(lambda).then(
      (report) => reports.push(report),
      (error: unknown) => failures.push(error),
    );
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  return reports[0];
}
