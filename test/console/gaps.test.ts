// The gaps of charts, and what is said while there is no rate yet.
import { expect, test } from 'vitest';
import { withGaps } from '../../console/parts/gaps.ts';
import { rate } from '../../console/parts/numbers.ts';

const s = 1_000;

test('a chart is interrupted where nobody looked for a while', () => {
  const values = [1, 2, 3, 4, 5];
  const drawn = withGaps([0, 5 * s, 10 * s, 300 * s, 305 * s], [{ values }, { values: values.map(() => null) }]);
  expect(drawn.times).toEqual([0, 5 * s, 10 * s, 10 * s + 1, 300 * s, 305 * s]);
  expect(drawn.values).toEqual([[1, 2, 3, null, 4, 5], Array(6).fill(null)]);
});

test.each([
  ['none', []],
  ['one', [0]],
  ['looks at a steady pace', [0, 60 * s, 120 * s, 181 * s]],
  ['a look that was late', [0, 5 * s, 10 * s, 19 * s, 24 * s]],
])('it is not with %s', (_, times) => {
  const values = times.map(() => 1);
  expect(withGaps(times, [{ values }])).toEqual({ times, values: [values] });
});

test('a rate that is not known is not zero', () => {
  expect([rate(undefined), rate(0), rate(20)]).toEqual(['...', '0/s', '20/s']);
});
