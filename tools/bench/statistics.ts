// Medians and processor time. On a shared machine, a mean of wall-clock times says more about other processes than about us.

/** Uses the nearest rank: `share` 0.5 is the median, and 0.99 is the value that one in a hundred exceeds. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[rank] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The processor time of this process: all threads, in user and system mode. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
