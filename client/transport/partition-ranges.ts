// Partitions by their numbers, as queries name them: ranges that one request may ask for.
import { limits } from '../../lib/api/limits.ts';

/** `0-255`: of partitions that lie together; those in between are in it too. */
export function rangesOf(numbers: readonly number[]): string[] {
  const ranges: { readonly from: number; to: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number < last.from + limits.fetchPartitions) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  return ranges.map(({ from, to }) => `${from}-${to}`);
}
