// The figures of a group that are sums over its partitions, and what they say about why it is behind.
// Invariant: a partition without a committed offset has no lag (-1), and counts nothing.
import { useQueries } from '@tanstack/react-query';
import type { GroupDescription, PartitionLag } from '../../client/admin/group-admin.ts';
import type { GroupSummary, TopicPartitions } from '../../lib/api/groups.ts';
import { group } from '../data/queries.ts';
import { count, duration, plural } from '../parts/numbers.ts';

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

/** More groups than this would be as many requests, each time that the page looks. */
export const mostLooks = 100;

/** Looks at the first 100 of the groups. A group is missing from the map while its lag is not known. */
export function useGroupLags(groupIds: readonly string[], live: { everyMs?: number }): ReadonlyMap<string, Lag> {
  return useQueries({
    queries: groupIds.slice(0, mostLooks).map((groupId) => group(groupId, live)),
    combine: (results) => new Map(results.flatMap(({ data }) => (data ? [[data.groupId, lagOf(data)] as const] : []))),
  });
}

/** A group whose oldest unread record is younger keeps up: there is always something that was just written. */
const keepsUpMs = 5_000;

/** A person who asks why a group is behind reads these sentences first. */
export function reasonsOf(of: GroupDescription): string[] {
  const behind = of.partitionDetails.filter(({ lag }) => lag > 0);
  return [
    ...(of.subscription ? undelivered(of) : unread(of, behind)),
    ...(of.state === 'Assigning' || of.state === 'Reconciling'
      ? ['Partitions are on their way from one member to another, and are not read meanwhile.']
      : []),
    ...unowned(of, behind),
    ...(lagOf(of).timeMs < keepsUpMs ? [] : (slowest(of, behind) ?? uneven(behind))),
    ...expiring(behind),
    ...removed(lagOf(of).lost),
  ];
}

const unread = ({ members }: GroupDescription, behind: readonly PartitionLag[]): string[] =>
  members === 0 && behind.length > 0 ? ['The group has no members, so nothing is read.'] : [];

/** A subscription does the work of the members. */
function undelivered({ subscription, partitionDetails }: GroupDescription): string[] {
  const { state, pausedReason } = subscription!;
  const failing = partitionDetails.flatMap(({ topic, partition, failing }) =>
    failing
      ? [
          `The delivery of ${topic}, partition ${partition} has failed ${plural(failing.attempts, 'time')}: ${failing.error}`,
        ]
      : [],
  );
  const paused =
    pausedReason === undefined ? 'Its subscription is paused.' : `Its subscription is paused: ${pausedReason}`;
  return [...(state === 'Paused' ? [paused] : []), ...failing];
}

function unowned({ members }: GroupDescription, behind: readonly PartitionLag[]): string[] {
  const without = behind.filter(({ memberId }) => memberId === undefined).length;
  if (members === 0 || without === 0) return [];
  return [`${plural(without, 'partition')} with unread records: no member owns them.`];
}

/** One of several members has most of the lag, and other members have partitions too: they keep up, and it does not. */
function slowest({ memberDetails }: GroupDescription, behind: readonly PartitionLag[]): string[] | undefined {
  const total = sum(behind.map(({ lag }) => lag));
  const owners = memberDetails.filter(({ assignment }) => assignment.length > 0);
  const lagOwnedBy = (memberId: string): number =>
    sum(behind.filter((one) => one.memberId === memberId).map(({ lag }) => lag));
  const slow = owners.find(({ memberId }) => lagOwnedBy(memberId) >= total * 0.8);
  if (owners.length < 2 || !slow || total === 0) return undefined;
  const part = Math.round((lagOwnedBy(slow.memberId) / total) * 100);
  return [
    `The member ${slow.clientId} on ${slow.host} has ${part} % of the lag, in ${assignedOf(slow.assignment)}: it is slow or stands still, and the others keep up.`,
  ];
}

/** Four partitions with the same lag have a quarter each. */
function uneven(behind: readonly PartitionLag[]): string[] {
  const total = sum(behind.map(({ lag }) => lag));
  const [most] = behind.toSorted((a, b) => b.lag - a.lag);
  if (behind.length < 3 || !most || most.lag < total / 2) return [];
  const part = Math.round((most.lag / total) * 100);
  return [
    `Partition ${most.partition} of ${most.topic} has ${part} % of the lag: either its keys come more often, or its member is slow.`,
  ];
}

const soonMs = 3_600_000;

function expiring(behind: readonly PartitionLag[]): string[] {
  const [first] = behind
    .filter(({ expiresInMs }) => expiresInMs !== undefined && expiresInMs < soonMs)
    .toSorted((a, b) => a.expiresInMs! - b.expiresInMs!);
  if (!first) return [];
  return [
    `Retention removes the oldest unread record of ${first.topic}, partition ${first.partition}, in ${duration(first.expiresInMs!)}.`,
  ];
}

const removed = (lost: number): string[] =>
  lost > 0 ? [`${count(lost)} records were removed before this group read them.`] : [];
