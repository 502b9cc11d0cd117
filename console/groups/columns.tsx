// The columns of a group's partitions and of its members.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PartitionLag } from '../../client/admin/group-admin.ts';
import type { MemberDescription } from '../../lib/api/groups.ts';
import { count, duration } from '../parts/numbers.ts';
import type { Column } from '../parts/table.tsx';
import { assignedOf } from './figures.ts';

const orDash = (value: number, format: (value: number) => string = count): string => (value < 0 ? '-' : format(value));

const figure = (
  label: string,
  value: (of: PartitionLag) => number,
  format: (value: number) => string = count,
): Column<PartitionLag> => ({
  label,
  numeric: true,
  by: value,
  cell: (of) => <span title={String(value(of))}>{orDash(value(of), format)}</span>,
});

export function partitionColumns(members: readonly MemberDescription[]): readonly Column<PartitionLag>[] {
  const byId = new Map(members.map((member) => [member.memberId, member]));
  const ownerOf = ({ memberId }: PartitionLag): string =>
    memberId === undefined ? '-' : byId.get(memberId)?.clientId || memberId;
  return [
    { label: 'Topic', by: ({ topic }) => topic, cell: ({ topic }) => topic },
    { label: 'Partition', numeric: true, by: ({ partition }) => partition, cell: FirstUnread },
    figure('Committed', ({ currentOffset }) => currentOffset),
    figure('End', ({ logEndOffset }) => logEndOffset),
    figure('Lag', ({ lag }) => lag),
    figure('Time lag', ({ timeLagMs }) => timeLagMs, duration),
    figure('Lost', ({ lostRecords }) => lostRecords),
    figure(
      'Last commit',
      ({ committedAgoMs = -1 }) => committedAgoMs,
      (ms) => `${duration(ms)} ago`,
    ),
    { label: 'Owner', by: ownerOf, cell: (of) => <span title={of.memberId}>{ownerOf(of)}</span> },
    { label: 'Note', cell: ({ metadata }) => metadata },
  ];
}

const FirstUnread = (of: PartitionLag) => <ToFirstUnread of={of}>{of.partition}</ToFirstUnread>;

/** The records from the first one that the group has not read. */
export const firstUnread = ({ topic, partition, currentOffset, logStartOffset }: PartitionLag) => ({
  to: '/topics/$topic' as const,
  params: { topic },
  search: {
    order: 'oldest',
    partitions: String(partition),
    offset: Math.max(currentOffset, logStartOffset, 0),
  } as const,
});

export function ToFirstUnread({ of, children }: { readonly of: PartitionLag; readonly children: ReactNode }) {
  return (
    <Link {...firstUnread(of)} title="The first unread record">
      {children}
    </Link>
  );
}

const partitionsOf = ({ assignment }: MemberDescription): number =>
  assignment.reduce((sum, { partitions }) => sum + partitions.length, 0);

export const memberColumns: readonly Column<MemberDescription>[] = [
  { label: 'Client', by: ({ clientId }) => clientId, cell: ({ clientId }) => clientId || '-' },
  { label: 'Member', by: ({ memberId }) => memberId, cell: ({ memberId }) => <code>{memberId}</code> },
  { label: 'Instance', cell: ({ instanceId }) => instanceId ?? '-' },
  { label: 'Host', by: ({ host }) => host, cell: ({ host }) => host || '-' },
  { label: 'Partitions', numeric: true, by: partitionsOf, cell: (of) => count(partitionsOf(of)) },
  { label: 'Owns', cell: ({ assignment }) => assignedOf(assignment) },
  { label: 'Lets go of', cell: ({ revoking }) => assignedOf(revoking) },
  {
    label: 'Subscription',
    cell: ({ subscribedTopicRegex: regex, subscribedTopicNames: names }) =>
      [...names, ...(regex === undefined ? [] : [`/${regex}/`])].join(', '),
  },
  {
    label: 'Seen',
    numeric: true,
    by: ({ renewedAgoMs }) => renewedAgoMs,
    cell: ({ renewedAgoMs, sessionTimeoutMs }) => (
      <span title={`its session is ${duration(sessionTimeoutMs)}`}>{duration(renewedAgoMs)} ago</span>
    ),
  },
];
