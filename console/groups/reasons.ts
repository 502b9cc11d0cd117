// Sentences that say why a group is behind. Invariant: each follows from the figures of the group alone.
import type { GroupDescription, PartitionLag } from '../../client/admin/group-admin.ts';
import { count, duration, plural } from '../parts/numbers.ts';
import { assignedOf, lagOf } from './figures.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

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
    ...(lagOf(of).timeMs < keepsUpMs ? [] : (idle(of, behind) ?? slowest(of, behind) ?? uneven(behind))),
    ...expiring(behind),
    ...removed(lagOf(of).lost),
  ];
}

const unread = ({ members, partitionDetails }: GroupDescription, behind: readonly PartitionLag[]): string[] =>
  members === 0 && behind.length > 0
    ? [
        `The group has no members, so nothing is read.${lastCommit(partitionDetails)} A member that stands still is put out too.`,
      ]
    : [];

const newestCommitMs = (of: readonly PartitionLag[]): number =>
  Math.min(...of.map(({ committedAgoMs }) => committedAgoMs ?? Number.POSITIVE_INFINITY));

function lastCommit(of: readonly PartitionLag[]): string {
  const agoMs = newestCommitMs(of);
  return Number.isFinite(agoMs) ? ` It last committed ${duration(agoMs)} ago.` : '';
}

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

const idleMs = 60_000;

/** Members that have had unread records for a minute, and have committed nothing since. After a quiet time the last commit is old too. */
function idle(
  { memberDetails, partitionDetails }: GroupDescription,
  behind: readonly PartitionLag[],
): string[] | undefined {
  const sentences = memberDetails.flatMap(({ memberId, clientId, host }) => {
    const agoMs = newestCommitMs(partitionDetails.filter((one) => one.memberId === memberId));
    const hasWork = behind.some((one) => one.memberId === memberId && one.timeLagMs >= idleMs);
    return hasWork && Number.isFinite(agoMs) && agoMs >= idleMs
      ? [`The member ${clientId} on ${host} has committed nothing for ${duration(agoMs)}: it is slow or stands still.`]
      : [];
  });
  return sentences.length > 0 ? sentences : undefined;
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
