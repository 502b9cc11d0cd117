// The judge of transactions of a real world notices what goes wrong: forged answers of reads, in a history made by hand.
import { expect, test } from 'vitest';
import { newHistory } from '../transactions/history.ts';
import { judgeTransactions } from './judge.ts';
import { noteSights } from './transaction-log.ts';

/** A transaction of two records and an offset that was committed at 20, and is followed by a plain record. */
function history(
  log: readonly string[],
  ends: readonly { readonly begunMs: number; readonly highWatermark: number }[],
) {
  const one = newHistory();
  one.instances.push({ id: 'a', begunMs: 0, endedMs: 1 });
  one.transactions.push({
    ...{ name: 't', id: 'a', instance: 0, producerId: 0, number: 1, reads: [] },
    batches: [{ partition: 0, values: ['x', 'y'], begunMs: 5, tries: ['done'] }],
    offset: { partition: 0, from: '', begunMs: 6, tries: ['done'] },
    ends: [{ what: 'commit', begunMs: 10, told: 'done', endedMs: 20 }],
  });
  one.plains.push({ partition: 0, value: 'p', isOnce: true, tries: ['done'], ackedMs: 30 });
  one.log.set(0, log);
  one.offsets.set(0, 't');
  noteSights(one, log, ends);
  return one;
}

const namesOf = (...args: Parameters<typeof history>) => judgeTransactions(history(...args)).map(({ name }) => name);

test('reads that show what was acknowledged before they began are in order', () => {
  const ends = [
    { begunMs: 31, highWatermark: 3 },
    { begunMs: 19, highWatermark: 0 },
    { begunMs: 21, highWatermark: 2 },
  ];
  expect(namesOf(['x', 'y', 'p'], ends)).toEqual([]);
});

test('a read that began after the commit was told, and did not show it', () => {
  expect(namesOf(['x', 'y', 'p'], [{ begunMs: 21, highWatermark: 0 }])).toEqual([
    'told committed before it was readable',
  ]);
  expect(namesOf(['x', 'y', 'p'], [{ begunMs: 21, highWatermark: 1 }])).toEqual([
    'told committed before it was readable',
  ]);
});

test('a read that began after a plain record was acknowledged, and did not show it', () => {
  expect(namesOf(['x', 'y', 'p'], [{ begunMs: 31, highWatermark: 2 }])).toEqual(['a reader is delayed']);
});

test('a part of a transaction', () => {
  expect(namesOf(['x', 'p'], [])).toEqual(['part of a transaction is visible']);
});
