// The columns of the list of subscriptions, and of the partitions of one.
import { Link } from '@tanstack/react-router';
import { stateNote, targetText } from '../../cli/subscription-target.ts';
import type { SubscriptionDescription, SubscriptionPartition } from '../../client/admin/subscription-admin.ts';
import type { FailureDestination, SubscriptionSummary } from '../../lib/api/push.ts';
import { Menu } from '../parts/menu.tsx';
import { count } from '../parts/numbers.ts';
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { type Asked, actionsOf } from './actions.tsx';
import { destinationText, type Failing, failingOf } from './figures.ts';

export function Destination({ destination }: { readonly destination: FailureDestination | undefined }) {
  if (destination === undefined || !('topic' in destination)) return destinationText(destination);
  return (
    <Link to="/topics/$topic" params={destination}>
      {destination.topic}
    </Link>
  );
}

type Descriptions = ReadonlyMap<string, SubscriptionDescription>;

export function columnsOf(known: Descriptions, ask: (asked: Asked) => void): readonly Column<SubscriptionSummary>[] {
  const worst = ({ groupId }: SubscriptionSummary): Failing | undefined => {
    const described = known.get(groupId);
    return described && failingOf(described)[0];
  };
  return [
    { label: 'Group', by: ({ groupId }) => groupId, cell: NamedGroup },
    { label: 'Topic', by: ({ topic }) => topic, cell: NamedTopic },
    { label: 'State', by: ({ state }) => state, cell: (of) => <span title={stateNote(of)}>{of.state}</span> },
    { label: 'Target', by: ({ target }) => targetText(target), cell: ({ target }) => targetText(target) },
    lagColumn(known),
    failuresColumn(known),
    { label: 'Last error', cell: (of) => worst(of)?.failing.error ?? '-' },
    { label: 'Dead letters to', cell: (of) => <Destination destination={known.get(of.groupId)?.settings.onFailure} /> },
    {
      label: 'Actions',
      cell: ({ topic, groupId, state }) => (
        <Menu
          label={<span title={`Actions for ${groupId}`}>...</span>}
          actions={actionsOf(state === 'Paused', (doing) => ask({ topic, groupId, doing }))}
        />
      ),
    },
  ];
}

const lagColumn = (known: Descriptions): Column<SubscriptionSummary> => ({
  label: 'Lag',
  numeric: true,
  by: ({ groupId }) => known.get(groupId)?.lag ?? -1,
  cell: ({ groupId }) => (known.has(groupId) ? count(known.get(groupId)!.lag) : '...'),
});

function failuresColumn(known: Descriptions): Column<SubscriptionSummary> {
  const failures = ({ groupId }: SubscriptionSummary): number => {
    const described = known.get(groupId);
    return described ? failingOf(described).length : -1;
  };
  return {
    label: 'Failing partitions',
    numeric: true,
    by: failures,
    cell: (of) => (failures(of) < 0 ? '...' : count(failures(of))),
  };
}

const NamedGroup = ({ groupId }: SubscriptionSummary) => (
  <Link to="/subscriptions/$group" params={{ group: groupId }}>
    {groupId}
  </Link>
);

const NamedTopic = ({ topic }: SubscriptionSummary) => (
  <Link to="/topics/$topic" params={{ topic }}>
    {topic}
  </Link>
);

const offset = (label: string, value: (of: SubscriptionPartition) => number): Column<SubscriptionPartition> => ({
  label,
  numeric: true,
  by: value,
  cell: (of) => (value(of) < 0 ? '-' : count(value(of))),
});

export const partitionColumns = (topic: string): readonly Column<SubscriptionPartition>[] => [
  {
    label: 'Partition',
    numeric: true,
    by: ({ partition }) => partition,
    cell: (of) => <FirstOpen topic={topic} partition={of} />,
  },
  offset('Committed', ({ committedOffset }) => committedOffset),
  offset('End', ({ logEndOffset }) => logEndOffset),
  offset('Lag', ({ lag }) => lag),
  offset('Attempts', ({ failing }) => failing?.attempts ?? -1),
  {
    label: 'Next try',
    by: ({ failing }) => failing?.nextTry ?? 0,
    cell: ({ failing }) => (failing ? <Time ms={failing.nextTry} /> : '-'),
  },
  { label: 'Last error', cell: ({ failing }) => failing?.error ?? '-' },
];

type OpenProps = { readonly topic: string; readonly partition: SubscriptionPartition };

/** The link opens the records at the first one that is not delivered. */
function FirstOpen({ topic, partition: { partition, committedOffset, logStartOffset } }: OpenProps) {
  const first = Math.max(committedOffset, logStartOffset, 0);
  const search = { order: 'oldest', partitions: String(partition), offset: first } as const;
  return (
    <Link to="/topics/$topic" params={{ topic }} search={search} title="The first record that is not delivered">
      {partition}
    </Link>
  );
}
