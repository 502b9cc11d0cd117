// The maintenance of consumer groups: what time has made needless goes, and how far each group is behind is told. Of the table
// alone, and by nobody's call: so it is true, and told, while every consumer is dead.
import type { Groups, PartitionLag } from '../api/groups.ts';
import { limits } from '../api/limits.ts';

export type GroupBehind = {
  readonly groupId: string;
  /** Records, of all its partitions. */
  readonly lag: number;
  /** Age of the oldest record that it has not read. */
  readonly timeLagMs: number;
  /** Removed before it read them. */
  readonly lostRecords: number;
  /** Where that oldest record is. */
  readonly topic: string;
  readonly partition: number;
};

export type GroupsReport = {
  readonly groups: number;
  readonly expiredGroups: number;
  readonly expiredOffsets: number;
  /** Those that have something to read, the furthest behind in time first; the first of them. */
  readonly behind: readonly GroupBehind[];
  /** Over all groups: the greatest two, and the sum. */
  readonly lag: number;
  readonly timeLagMs: number;
  readonly lostRecords: number;
  /** Why not all groups are counted, if they are not. */
  readonly incomplete?: string;
};

/** In the report; the numbers over all groups go on. */
const mostNamed = 100;

export type TendOptions = {
  /** How long an empty group keeps an offset after its commit. */
  readonly offsetsRetentionMinutes?: number;
  /** Asked between groups: true ends the look with what there is. */
  readonly isOver?: () => boolean;
};

/**
 * Of each group the old goes first, then its lag is
 * told: the clearing of one must not keep the others from being looked at.
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
  return { groupId, lag: sum(unread, 'lag'), timeLagMs, lostRecords: sum(unread, 'lostRecords'), topic, partition };
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
    ...(incomplete !== undefined && { incomplete }),
  };
}

const sum = <Name extends string>(rows: readonly Readonly<Record<Name, number>>[], name: Name): number =>
  rows.reduce((total, row) => total + Math.max(0, row[name]), 0);
