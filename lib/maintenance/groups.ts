// The maintenance of consumer groups removes what time has made needless, and reports how far each group is behind. It
// needs the table alone, and no request starts it. So the report is true, and is made, while every consumer is dead.
import type { Groups, PartitionLag } from '../api/groups.ts';
import { limits } from '../api/limits.ts';

export type GroupBehind = {
  readonly groupId: string;
  /** The records of all its partitions. */
  readonly lag: number;
  /** The age of the oldest record that it has not read. */
  readonly timeLagMs: number;
  /** Records that were removed before it read them. */
  readonly lostRecords: number;
  /** The place of that oldest record. */
  readonly topic: string;
  readonly partition: number;
  /** The partition whose unread records are the next that retention removes, if that is soon. */
  readonly expiring?: Expiring;
};

export type Expiring = {
  readonly topic: string;
  readonly partition: number;
  /** The time that is left, at least, until retention removes the oldest unread record. */
  readonly expiresInMs: number;
};

export type GroupsReport = {
  readonly groups: number;
  readonly expiredGroups: number;
  readonly expiredOffsets: number;
  /** The groups that have something to read, the furthest behind in time first. Only the first of them are listed. */
  readonly behind: readonly GroupBehind[];
  /** These are over all groups: the greatest lag and time lag, and the sum of the lost records. */
  readonly lag: number;
  readonly timeLagMs: number;
  readonly lostRecords: number;
  /** The number of groups whose unread records are about to be removed. */
  readonly expiringGroups: number;
  /** Says why not all groups are counted, if they are not. */
  readonly incomplete?: string;
};

const dayMs = 86_400_000;
/** The report names so many groups; the numbers over all groups go on. */
const mostNamed = 100;

export type TendOptions = {
  /** How long an empty group keeps an offset after its commit. */
  readonly offsetsRetentionMinutes?: number;
  /** Maintenance asks this between groups. If it returns true, it ends with what there is. */
  readonly isOver?: () => boolean;
};

/**
 * For each group the old offsets go first, and then its lag is read: the clearing of one group must not keep the others
 * from being looked at.
 */
export async function tendGroups(
  groups: Groups,
  { offsetsRetentionMinutes = limits.defaultOffsetsRetentionMinutes, isOver = () => false }: TendOptions = {},
): Promise<GroupsReport> {
  const retentionMs = offsetsRetentionMinutes * 60_000;
  const expired = { offsets: 0, groups: 0 };
  const all: GroupBehind[] = [];
  let counted = 0;
  const groupIds = await groups.inTurn();
  for (const [done, groupId] of groupIds.entries()) {
    if (isOver()) return reportOf(all, counted, expired, `no time was left after ${done} of ${groupIds.length} groups`);
    const { offsets, isGone } = await groups.expire({ groupId, retentionMs });
    expired.offsets += offsets;
    expired.groups += isGone ? 1 : 0;
    if (isGone) continue;
    const behind = behindOf(groupId, await groups.lag(groupId));
    if (behind) all.push(behind);
    counted += 1;
  }
  return reportOf(all, counted, expired);
}

function behindOf(groupId: string, rows: readonly PartitionLag[]): GroupBehind | undefined {
  const unread = rows.filter(({ lag, lostRecords }) => lag > 0 || lostRecords > 0);
  const [first, ...others] = unread;
  if (first === undefined) return undefined;
  const oldest = others.reduce((worst, row) => (row.timeLagMs > worst.timeLagMs ? row : worst), first);
  const { topic, partition, timeLagMs } = oldest;
  const expiring = expiringOf(unread);
  return {
    ...{ groupId, lag: sum(unread, 'lag'), timeLagMs, lostRecords: sum(unread, 'lostRecords'), topic, partition },
    ...(expiring && { expiring }),
  };
}

/** A group is warned a day before, or in the last tenth of the time that its records are kept. */
function expiringOf(rows: readonly PartitionLag[]): Expiring | undefined {
  const soon = rows.flatMap(({ topic, partition, timeLagMs, expiresInMs }) => {
    if (expiresInMs === undefined) return [];
    const keptMs = Math.max(0, timeLagMs) + expiresInMs;
    const isSoon = expiresInMs < Math.min(dayMs, keptMs / 10);
    return isSoon ? [{ topic, partition, expiresInMs }] : [];
  });
  return soon.toSorted((a, b) => a.expiresInMs - b.expiresInMs)[0];
}

function reportOf(
  all: readonly GroupBehind[],
  groups: number,
  expired: { offsets: number; groups: number },
  incomplete?: string,
): GroupsReport {
  return {
    groups,
    expiredGroups: expired.groups,
    expiredOffsets: expired.offsets,
    behind: all.toSorted((a, b) => b.timeLagMs - a.timeLagMs).slice(0, mostNamed),
    lag: all.reduce((most, { lag }) => Math.max(most, lag), 0),
    timeLagMs: all.reduce((most, { timeLagMs }) => Math.max(most, timeLagMs), 0),
    lostRecords: sum(all, 'lostRecords'),
    expiringGroups: all.filter(({ expiring }) => expiring !== undefined).length,
    ...(incomplete !== undefined && { incomplete }),
  };
}

const sum = <Name extends string>(rows: readonly Readonly<Record<Name, number>>[], name: Name): number =>
  rows.reduce((total, row) => total + Math.max(0, row[name]), 0);
