// This sums up a run in one line.
import type { Tally } from '../core/tally.ts';
import type { Found } from './judge.ts';
import { countCommitted } from './transactors.ts';
import type { RealResult } from './world.ts';

export function summaryOf({ history, transactions, kills, faults }: RealResult): string {
  const { sends, polls, finalLog } = history;
  const tries = sends.reduce((sum, send) => sum + send.tries.length, 0);
  const unclear = sends.filter(({ tries }) => tries.some((told) => told === 'unknown' || told === 'lost')).length;
  const records = [...finalLog.values()].reduce((sum, log) => sum + log.length, 0);
  return `${sends.length} sends (${tries} tries, ${unclear} sends met an unclear one), ${polls.length} polls, ${records} records; ${transactions.transactions.length} transactions (${countCommitted(transactions)} committed); ${kills} kills, ${faults} faults on the wire`;
}

/** The result in the form that other runs of worlds have. */
export const tallyOf = (
  world: string,
  { history, transactions, kills, faults }: RealResult,
  anomalies: readonly Found[],
): Tally => ({
  world,
  cases: {
    sends: history.sends.length,
    tries: history.sends.reduce((sum, { tries }) => sum + tries.length, 0),
    transactions: transactions.transactions.length,
    kills,
    'faults on the wire': faults,
  },
  most: {},
  steps: 0,
  failures: anomalies.map(({ name, detail }) => `${name}: ${detail}`),
});
