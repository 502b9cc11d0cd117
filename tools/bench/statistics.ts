// Medians and processor time, because on a shared machine a mean of what the clock shows says more of the neighbours than of us.

/** The nearest rank: `share` 0.5 is the median, 0.99 the value that one in a hundred exceeds. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[rank] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** What this process has spent, all threads, in user and system mode. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
