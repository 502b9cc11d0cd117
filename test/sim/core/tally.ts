// A tally is the result of a run: how many cases of which world, in how many steps, and which failed.
import type { Verdict } from './worlds.ts';

export type Tally = {
  readonly world: string;
  /** The number of cases, by kind. */
  readonly cases: Readonly<Record<string, number>>;
  /** The greatest value of a measure, by its name. */
  readonly most: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly failures: readonly string[];
};

export const emptyTally = (world: string): Tally => ({ world, cases: {}, most: {}, steps: 0, failures: [] });

const merged = (
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
  merge: (a: number, b: number) => number,
) =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) => [name, merge(a[name] ?? 0, b[name] ?? 0)]),
  );

export const added = (a: Tally, b: Omit<Tally, 'world'>): Tally => ({
  world: a.world,
  cases: merged(a.cases, b.cases, (x, y) => x + y),
  most: merged(a.most, b.most, Math.max),
  steps: a.steps + b.steps,
  failures: [...a.failures, ...b.failures],
});

/** Adds one case, which is counted as `what`. `name` is the command that replays it. */
export const withCase = (tally: Tally, what: string | undefined, name: string, verdict: Verdict): Tally =>
  added(tally, {
    cases: { ...(what && { [what]: 1 }), ...verdict.counts },
    most: verdict.most ?? {},
    steps: verdict.steps,
    failures: verdict.complaints.slice(0, 1).map((complaint) => `${complaint.split('\n')[0]}  ${name}`),
  });

const withCommas = new Intl.NumberFormat('en-US');

/** For example `120 single faults, 5,100 pairs`. */
export const casesOf = ({ cases, most }: Tally): string =>
  [
    ...Object.entries(cases).map(([name, count]) => `${withCommas.format(count)} ${name}`),
    ...Object.entries(most).map(([name, value]) => `${name} at most ${withCommas.format(value)}`),
  ].join(', ');

export const lineOf = (tally: Tally): string =>
  `${tally.world}: ${casesOf(tally)}, ${withCommas.format(tally.steps)} steps, ${tally.failures.length || 'no'} failures`;
