// Totals over time, and rates from totals that grow: the console keeps what it saw of each total while the page was open, for
// an hour at most.
// Invariant: a total that falls (records were deleted, a topic is gone) counts as no growth, never as a negative rate.
import { useEffect, useReducer } from 'react';

export type Sample = { readonly ms: number; readonly total: number };

const keptMs = 3_600_000;
const leastMs = 1_000;
const samples = new Map<string, Sample[]>();

function add(name: string, sample: Sample): void {
  const before = samples.get(name) ?? [];
  // Several looks of one round come together.
  if (sample.ms - (before.at(-1)?.ms ?? 0) < leastMs) return;
  samples.set(name, [...before.filter(({ ms }) => ms > sample.ms - keptMs), sample]);
}

/**
 * `now` is the mean of the last ten seconds, and undefined before two looks: several topics are looked at one after the other, so that a total grows in jumps.
 */
export type Rates = {
  readonly times: readonly number[];
  readonly perSecond: readonly number[];
  readonly now: number | undefined;
};

const nowMs = 10_000;

function growthOf(recent: readonly Sample[]): number | undefined {
  const [first, last] = [recent[0], recent.at(-1)];
  return first && last && last.ms > first.ms
    ? (Math.max(0, last.total - first.total) * 1_000) / (last.ms - first.ms)
    : undefined;
}

const recentOf = (of: readonly Sample[]): readonly Sample[] =>
  of.filter(({ ms }) => ms >= (of.at(-1)?.ms ?? 0) - nowMs);

const ratesOf = (of: readonly Sample[]): Rates => ({
  times: of.slice(1).map(({ ms }) => ms),
  perSecond: of.slice(1).map(({ ms, total }, at) => {
    const before = of[at]!;
    return (Math.max(0, total - before.total) * 1000) / (ms - before.ms);
  }),
  now: growthOf(recentOf(of)),
});

/** As useHistory, but how fast the total grew. */
export const useRates = (name: string, total: number | undefined, ms: number): Rates =>
  ratesOf(useHistory(name, total, ms));

/**
 * @param name stays the same for one total, also from page to page.
 * @param total undefined while it is not known.
 * @param ms when it was looked up, epoch milliseconds.
 */
export function useHistory(name: string, total: number | undefined, ms: number): readonly Sample[] {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (total === undefined) return;
    add(name, { ms, total });
    redraw();
  }, [name, total, ms]);
  return samples.get(name) ?? [];
}

/** How fast each of several totals grew in the last seconds. A total is missing before two looks. */
export function useRatesNow(totals: ReadonlyMap<string, number>, ms: number): ReadonlyMap<string, number> {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the totals are those of the look at this time.
  useEffect(() => {
    for (const [name, total] of totals) add(name, { ms, total });
    redraw();
  }, [ms]);
  const rates = [...totals.keys()].map((name) => [name, growthOf(recentOf(samples.get(name) ?? []))] as const);
  return new Map(rates.flatMap(([name, now]) => (now === undefined ? [] : [[name, now] as const])));
}
