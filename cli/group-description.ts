// This file prints a group as tables with the columns of kafka-consumer-groups.sh. As there, `-` stands for a missing value.
import type { GroupDescription, PartitionLag } from '../client/admin/group-admin.ts';
import type { TopicPartitions } from '../lib/api/groups.ts';
import { printTable } from './output.ts';

export function describeOffsets({ groupId, memberDetails, partitionDetails }: GroupDescription): void {
  if (partitionDetails.length === 0) console.error(`rivulet: note: group ${groupId} has no partitions and no offsets`);
  const members = new Map(memberDetails.map((member) => [member.memberId, member]));
  printTable(
    [
      ...['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'TIME-LAG'],
      ...['CONSUMER-ID', 'HOST', 'CLIENT-ID'],
    ],
    partitionDetails.map((one) => {
      const owner = one.memberId === undefined ? undefined : members.get(one.memberId);
      const { topic, partition, currentOffset, logEndOffset, lag, timeLagMs } = one;
      const numbers = [partition, ...[currentOffset, logEndOffset, lag].map(orDash), duration(timeLagMs)];
      return [groupId, topic, ...numbers, one.memberId ?? '-', owner?.host || '-', owner?.clientId || '-'];
    }),
  );
  for (const { topic, partition, lostRecords } of partitionDetails.filter(hasLost))
    console.error(
      `rivulet: note: ${topic} partition ${partition}: ${lostRecords} records were removed before ${groupId} read them`,
    );
}

const hasLost = ({ lostRecords }: PartitionLag): boolean => lostRecords > 0;
const orDash = (value: number): number | string => (value < 0 ? '-' : value);

/** Writes a duration with at most two units: `3d4h`, `12m5s`, `1.5s`. */
export function duration(ms: number): string {
  if (ms < 0) return '-';
  if (ms < 10_000) return `${Math.round(ms / 100) / 10}s`;
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const first = units.findIndex(([, unitMs]) => ms >= unitMs);
  let rest = ms;
  const parts = units.slice(first, first + 2).map(([name, unitMs]) => {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    return count > 0 ? `${count}${name}` : '';
  });
  return parts.join('');
}

export function describeMembers({ groupId, memberDetails }: GroupDescription, verbose: boolean): void {
  const headings = ['GROUP', 'CONSUMER-ID', 'GROUP-INSTANCE-ID', 'HOST', 'CLIENT-ID', '#PARTITIONS'];
  const more = ['CURRENT-EPOCH', 'CURRENT-ASSIGNMENT', 'TARGET-ASSIGNMENT', 'REVOKING'];
  printTable(
    verbose ? [...headings, ...more] : headings,
    memberDetails.map((member) => {
      const { memberId, instanceId = '-', host, clientId, assignment, targetAssignment, revoking } = member;
      const count = assignment.reduce((sum, { partitions }) => sum + partitions.length, 0);
      const row = [groupId, memberId, instanceId, host || '-', clientId || '-', count];
      if (!verbose) return row;
      return [...row, member.memberEpoch, ...[assignment, targetAssignment, revoking].map(assigned)];
    }),
  );
}

/** Writes an assignment as Kafka does: `orders(0,1,5);returns(0)`. */
function assigned(assignment: readonly TopicPartitions[]): string {
  return assignment.map(({ topic, partitions }) => `${topic}(${partitions.join(',')})`).join(';') || '-';
}

export function describeState(group: GroupDescription): void {
  printTable(
    ['GROUP', 'ASSIGNMENT-STRATEGY', 'STATE', 'GROUP-EPOCH', 'TARGET-ASSIGNMENT-EPOCH', '#MEMBERS'],
    [[group.groupId, group.assignor, group.state, group.groupEpoch, group.assignmentEpoch, group.members]],
  );
}
