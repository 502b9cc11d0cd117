import { describe, expect, test } from 'vitest';
import { claimsOf, faultsOf, makePayments, type Payment, postingsOf } from '../../examples/payments-book.ts';

const payments: Payment[] = [
  { id: 'p0', from: 'ada', to: 'ken', cents: 500 },
  { id: 'p1', from: 'ken', to: 'grace', cents: 250 },
  { id: 'p2', from: 'grace', to: 'ada', cents: 1 },
];
const all = payments.flatMap(postingsOf);
const none = { lost: [], halves: [], doubled: [], strange: [] };

describe('the check of the payments demo', () => {
  test('finds nothing where each payment is in the books once, in any order', () => {
    expect(faultsOf(payments, all.toReversed())).toEqual(none);
  });

  test('names what is lost, applied by half, or doubled', () => {
    const [debit, credit] = postingsOf(payments[0]!);
    expect(faultsOf(payments, all.slice(2))).toEqual({ ...none, lost: ['p0'] });
    expect(faultsOf(payments, all.slice(1))).toEqual({ ...none, halves: ['p0'] });
    expect(faultsOf(payments, [...all, debit])).toEqual({ ...none, doubled: ['p0'] });
    expect(faultsOf(payments, [...all, debit, credit])).toEqual({ ...none, doubled: ['p0'] });
    expect(faultsOf(payments, [...all.slice(1), credit])).toEqual({ ...none, halves: ['p0'], doubled: ['p0'] });
  });

  test('names postings that no payment explains', () => {
    const postings = [
      ...all,
      { payment: 'p9', account: 'ada', cents: 1 },
      { payment: 'p1', account: 'ada', cents: -250 },
    ];
    expect(faultsOf(payments, postings)).toEqual({ ...none, strange: ['p9', 'p1'] });
  });

  test('holds its claims only if all is right', () => {
    const holds = (postings: typeof all, consumed: number) =>
      claimsOf({ payments, postings, consumed }).map((claim) => claim.holds);
    expect(holds(all, 3)).toEqual([true, true, true, true, true, true]);
    expect(holds(all.slice(1), 3)).toEqual([false, true, true, false, true, true]);
    expect(holds([...all, ...all.slice(0, 2)], 3)).toEqual([true, false, true, true, true, true]);
    expect(holds(all.slice(2), 2)).toEqual([true, true, false, true, true, false]);
    expect(claimsOf({ payments, postings: [...all, ...all], consumed: 3 })[1]!.text).toBe(
      'no payment was applied twice: 3 did: p0, p1, p2',
    );
  });

  test('has payments that never stay within one account', () => {
    let state = 1;
    const random = () => {
      state = (state * 48271) % 0x7fffffff;
      return state / 0x7fffffff;
    };
    const made = makePayments(500, random);
    expect(new Set(made.map(({ id }) => id)).size).toBe(500);
    expect(made.every(({ from, to, cents }) => from !== to && cents > 0)).toBe(true);
    expect(new Set(made.flatMap(({ from, to }) => [from, to])).size).toBe(10);
  });
});
