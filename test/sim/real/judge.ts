// Judges a real world by the checkers of the simulated ones: the log, and the transactions.
import { check } from '../log/check/check.ts';
import { check as checkTransactions } from '../transactions/check.ts';
import { checkIsolation } from '../transactions/elle.ts';
import type { History as TransactionsHistory } from '../transactions/history.ts';
import type { RealResult } from './world.ts';

export type Found = { readonly name: string; readonly detail: string };

export const judge = ({ history, transactions, wrongAtRest }: RealResult): readonly Found[] => [
  ...check(history),
  ...judgeTransactions(transactions),
  ...wrongAtRest.map((detail) => ({ name: 'at rest', detail })),
];

export const judgeTransactions = (history: TransactionsHistory): readonly Found[] => [
  ...checkTransactions(history),
  ...checkIsolation(history),
];
