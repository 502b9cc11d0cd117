// This file writes partition numbers the way queries name them: as ranges that one request may ask for.
import { limits } from '../../lib/api/limits.ts';

/** A range like `0-255` covers numbers that lie close together. It includes the numbers between them, asked for or not. */
export function rangesOf(numbers: readonly number[]): string[] {
  const ranges: { readonly from: number; to: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number < last.from + limits.fetchPartitions) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  return ranges.map(({ from, to }) => `${from}-${to}`);
}
