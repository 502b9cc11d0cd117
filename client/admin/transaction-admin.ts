// This part of the administration looks at transactions, and ends those that nobody else ends.
import type { TransactionDescription as Described, PartitionInTransaction } from '../../lib/api/transactions.ts';
import { paths } from '../transport/paths.ts';
import type { AdminCalls } from './admin-calls.ts';

export type TransactionDescription = Omit<Described, 'deadlineMs' | 'lastUsedMs'> & {
  /** When the open transaction is aborted, epoch milliseconds; -1 if nothing is staged. */
  readonly deadline: number;
  /** When the last transaction ended, or the id was initialized, epoch milliseconds. */
  readonly lastUsed: number;
};

export type { PartitionInTransaction };

/** `partitions` are those in which the current transaction has staged records, sorted by topic id and partition. */
export type TransactionDetails = TransactionDescription & { readonly partitions: readonly PartitionInTransaction[] };

type Page = { readonly transactions: readonly TransactionDescription[]; readonly nextAfter?: string };

export type TransactionAdmin = ReturnType<typeof createTransactionAdmin>;

export function createTransactionAdmin(calls: AdminCalls) {
  return {
    list: () => list(calls),
    describe: (transactionalIds: readonly string[]) => describe(calls, transactionalIds),
    abort: (transactionalId: string) => {
      const path = `${paths.transaction(transactionalId)}/force-abort`;
      return calls.retrying(() => calls.ask<TransactionDetails>({ method: 'POST', path, writes: true }));
    },
  };
}

async function describe(calls: AdminCalls, transactionalIds: readonly string[]): Promise<TransactionDetails[]> {
  const found: TransactionDetails[] = [];
  for (const id of transactionalIds) found.push(await calls.read(paths.transaction(id)));
  return found;
}

async function list(calls: AdminCalls): Promise<TransactionDescription[]> {
  const found: TransactionDescription[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await calls.read<Page>(paths.transactions, { after });
    found.push(...page.transactions);
    after = page.nextAfter;
  }
  return found;
}
