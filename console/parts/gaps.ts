// Where nobody looked for a while, a chart has a gap: a line across it would tell values that nobody has seen.

type Drawn = { readonly times: readonly number[]; readonly values: readonly (readonly (number | null)[])[] };

const leastGapMs = 10_000;

/**
 * Adds a time without values where two looks are more than three times as far apart as looks usually are, and ten seconds at least.
 *
 * @param times epoch milliseconds, ascending
 */
export function withGaps(
  times: readonly number[],
  series: readonly { readonly values: readonly (number | null)[] }[],
): Drawn {
  const steps = times.slice(1).map((ms, at) => ms - times[at]!);
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const isGap = (at: number): boolean => at > 0 && steps[at - 1]! > Math.max(leastGapMs, 3 * usual);
  const filled = <T>(of: readonly T[], between: (at: number) => T): T[] =>
    of.flatMap((one, at) => (isGap(at) ? [between(at), one] : [one]));
  return {
    times: filled(times, (at) => times[at - 1]! + 1),
    values: series.map(({ values }) => filled(values, () => null)),
  };
}
