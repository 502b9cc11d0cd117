// The figures of a group that are sums over its partitions.
// Invariant: a partition without a committed offset has no lag (-1), and counts nothing.
import type { GroupDescription } from '../../client/admin/group-admin.ts';
import type { GroupSummary, TopicPartitions } from '../../lib/api/groups.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

export type Lag = {
  readonly records: number;
  /** The age of the oldest unread record, in milliseconds. */
  readonly timeMs: number;
  /** Records that were removed before the group read them. */
  readonly lost: number;
};

export const lagOf = ({ partitionDetails: of }: Pick<GroupDescription, 'partitionDetails'>): Lag => ({
  records: sum(of.map(({ lag }) => Math.max(0, lag))),
  timeMs: of.reduce((most, { timeLagMs }) => Math.max(most, timeLagMs), 0),
  lost: sum(of.map(({ lostRecords }) => Math.max(0, lostRecords))),
});

export function protocolOf({ members, protocolType }: GroupSummary): string {
  if (protocolType !== undefined) return `classic, ${protocolType}`;
  return members > 0 ? 'consumer (KIP-848)' : '-';
}

/** Writes partitions as ranges: `orders: 0-4,7`. */
export const assignedOf = (assignment: readonly TopicPartitions[]): string =>
  assignment.map(({ topic, partitions }) => `${topic}: ${rangesOf(partitions)}`).join('; ') || '-';

function rangesOf(partitions: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const partition of partitions) {
    const run = runs.at(-1);
    if (run && run[1] === partition - 1) run[1] = partition;
    else runs.push([partition, partition]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}
