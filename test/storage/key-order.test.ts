import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareUtf8, firstAfter, firstAtOrAfter } from '../../lib/storage/key-order.ts';

const text = fc.string({ unit: 'binary', maxLength: 6 });
const oracle = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));

test('compares keys as their UTF-8 bytes compare', () => {
  expect(compareUtf8('\uff5e', '\u{1f600}')).toBeLessThan(0);
  expect('\uff5e' < '\u{1f600}').toBe(false);
  const nearSurrogates = fc.constantFrom('\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', 'a', '');
  fc.assert(
    fc.property(fc.oneof(text, nearSurrogates), fc.oneof(text, nearSurrogates), (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(oracle(a, b));
    }),
  );
});

test('finds the place of a key in a sorted list', () => {
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 10 }), text, (keys, key) => {
      const sorted = keys.toSorted(oracle);
      expect(firstAtOrAfter(sorted, key)).toBe(sorted.filter((other) => oracle(other, key) < 0).length);
      expect(firstAfter(sorted, key)).toBe(sorted.filter((other) => oracle(other, key) <= 0).length);
    }),
  );
});
