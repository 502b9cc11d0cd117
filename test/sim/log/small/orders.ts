// The small worlds are run in these orders of steps.
import type { Order } from './case.ts';

/** Most worlds have two processes and one partition. */
export const two = { processes: 2, partitions: 1 };

/** For one actor. Late copies come long after the repeat, or just before it. */
export const alone: readonly Order[] = [
  { name: 'even', beginMs: [], paces: [0.5, 0.5] },
  { name: 'late copies come soon; stale', beginMs: [], paces: [0.0002, 0.0002], isStale: true },
];

/** For actors at several processes. A call takes 22 ms at an even pace. */
export const racing: readonly Order[] = [
  { name: 'together', beginMs: [0, 0, 0], paces: [0.5, 0.5, 0.5] },
  { name: 'half a call behind', beginMs: [0, 14, 28], paces: [0.5, 0.5, 0.5] },
  { name: 'three calls behind; stale', beginMs: [0, 70, 35], paces: [0.5, 0.5, 0.5], isStale: true },
  { name: 'the first is slow; clocks differ', beginMs: [0, 0, 0], paces: [0.9, 0.0002, 0.3], skewsMs: [0, -1_200_000] },
  { name: 'the first is fast; stale', beginMs: [0, 0, 0], paces: [0.0002, 0.9, 0.3], isStale: true },
];

/** The crowd comes before a lost request is repeated, before its late copy acts, or before it acts hours later. */
export const crowded: readonly Order[] = [
  { name: 'the crowd comes before a repeat', beginMs: [0, 1_500], paces: [0.5, 0.5] },
  { name: 'the crowd comes before a late copy; stale', beginMs: [0, 4_500], paces: [0.5, 0.5], isStale: true },
  { name: 'the crowd comes before a copy hours late', beginMs: [0, 1_800_000], paces: [0.5, 0.5] },
  { name: 'the crowd comes amidst', beginMs: [0, 50], paces: [0.5, 0.5] },
];
