import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, sequenceAfter, sequenceDistance } from '../../lib/producer/decide.ts';

const batch = (epoch: number, firstSequence: number, recordCount = 1) => ({ epoch, firstSequence, recordCount });

describe('the idempotence decision', () => {
  test.each([
    ['a new producer at 0', undefined, batch(0, 0), 'append'],
    ['a new producer elsewhere', undefined, batch(0, 5), 'unknown'],
    ['the next sequence', { epoch: 1, nextSequence: 7 }, batch(1, 7), 'append'],
    ['one ahead', { epoch: 1, nextSequence: 7 }, batch(1, 8), 'gap'],
    ['wholly written', { epoch: 1, nextSequence: 7 }, batch(1, 4, 3), 'duplicate'],
    ['partly written', { epoch: 1, nextSequence: 7 }, batch(1, 4, 4), 'gap'],
    ['a newer epoch at 0', { epoch: 1, nextSequence: 7 }, batch(2, 0), 'append'],
    ['a newer epoch elsewhere', { epoch: 1, nextSequence: 7 }, batch(2, 7), 'gap'],
    ['an older epoch', { epoch: 1, nextSequence: 7 }, batch(0, 7), 'fenced'],
    ['the wrap', { epoch: 0, nextSequence: 2 }, batch(0, 2 ** 31 - 1, 3), 'duplicate'],
  ] as const)('%s', (_name, known, arriving, decision) => {
    expect(decide(known, arriving)).toBe(decision);
  });

  test('a stream delivered with repeats and losses is appended once, in order', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 30 });
    const deliveries = fc.array(fc.nat(), { maxLength: 100 });
    fc.assert(
      fc.property(counts, deliveries, (sizes, order) => {
        let first = 0;
        const stream = sizes.map((recordCount) => {
          const one = batch(0, first, recordCount);
          first = sequenceAfter(first, recordCount);
          return one;
        });
        let known: { epoch: number; nextSequence: number } | undefined;
        let appended = 0;
        for (const pick of order) {
          const index = pick % stream.length;
          const decision = decide(known, stream[index]!);
          const expected = index < appended ? 'duplicate' : index === appended ? 'append' : known ? 'gap' : 'unknown';
          expect(decision).toBe(expected);
          if (decision === 'append')
            known = {
              epoch: 0,
              nextSequence: sequenceAfter(stream[appended++]!.firstSequence, stream[index]!.recordCount),
            };
        }
      }),
    );
  });

  test('distance undoes advance, around the wrap', () => {
    const sequence = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    fc.assert(fc.property(sequence, sequence, (from, by) => sequenceDistance(from, sequenceAfter(from, by)) === by));
  });
});
