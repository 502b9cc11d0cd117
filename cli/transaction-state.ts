// A transaction's description tells at a moment whether it is stuck, and how old it is. The command line and the console say
// the same.
import type { TransactionDescription } from '../client/admin/transaction-admin.ts';

export function stateOf({ state, deadline }: TransactionDescription, nowMs: number): string {
  const isOverdue = deadline >= 0 && deadline < nowMs;
  return state !== 'empty' && isOverdue ? 'stuck' : state;
}

/** Milliseconds since the first record was staged; since the last use of the id if nothing is. */
export function ageOf({ deadline, timeoutMs, lastUsed }: TransactionDescription, nowMs: number): number {
  return Math.max(0, nowMs - (deadline < 0 ? lastUsed : deadline - timeoutMs));
}
