// The hourly care for groups and transactions in the embedded backend, and for items whose time to live is over. In AWS a
// function does this, and DynamoDB.
import type { Engine } from '../lib/api/engine.ts';
import { type TendOptions, tendGroups } from '../lib/maintenance/groups.ts';

const firstMs = 60_000;
const everyMs = 3_600_000;

/** Begins after a minute, and then once an hour. @returns a function that ends it. */
export function startHourlyCare(
  { groups, transactions }: Pick<Engine, 'groups' | 'transactions'>,
  onFailure: (error: unknown) => void,
  { removeExpired, ...options }: Pick<TendOptions, 'offsetsRetentionMinutes'> & { removeExpired(): Promise<unknown> },
): () => void {
  let isEnded = false;
  const report = (error: unknown) => void (isEnded || onFailure(error));
  const tendTransactions = async () => {
    const { stuck, failure } = await transactions.tend(() => isEnded);
    for (const { transactionalId, transaction, reason } of stuck)
      report(new Error(`transaction ${transaction} of ${transactionalId} is committed and not applied: ${reason}`));
    if (failure) report(failure);
  };
  const run = (): void => {
    void tendGroups(groups, { ...options, isOver: () => isEnded }).catch(report);
    void tendTransactions().catch(report);
    void removeExpired().catch(report);
  };
  const first = setTimeout(run, firstMs).unref();
  const hourly = setInterval(run, everyMs).unref();
  return () => {
    isEnded = true;
    clearTimeout(first);
    clearInterval(hourly);
  };
}
