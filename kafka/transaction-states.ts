// What Kafka's tools call the states of transactional ids, and when a transaction began.
import type { TransactionDescription } from '../lib/api/transactions.ts';

const ends = { committed: 'CompleteCommit', aborted: 'CompleteAbort' } as const;

export const stateNames: readonly string[] = ['Empty', 'Ongoing', 'PrepareCommit', ...Object.values(ends)];

export function stateName({ state, last }: TransactionDescription): string {
  if (state === 'decided') return 'PrepareCommit';
  if (state !== 'empty') return 'Ongoing';
  return last ? ends[last.outcome] : 'Empty';
}

/** -1 if no transaction is open. */
export const startOf = ({ deadlineMs, timeoutMs }: TransactionDescription): number =>
  deadlineMs >= 0 ? deadlineMs - timeoutMs : -1;
