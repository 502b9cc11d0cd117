// All groups, the one that is furthest behind first.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { GroupSummary } from '../../lib/api/groups.ts';
import { rivulet } from '../data/command-lines.ts';
import { type LiveSearch, liveOf } from '../data/live-search.ts';
import { groups } from '../data/queries.ts';
import { DeleteGroup } from '../groups/dialogs.tsx';
import { type Lag, protocolOf } from '../groups/figures.ts';
import { mostLooks, useGroupLags } from '../groups/use-group-lags.ts';
import { Empty } from '../parts/empty.tsx';
import { Every } from '../parts/every.tsx';
import { Field } from '../parts/field.tsx';
import { Menu } from '../parts/menu.tsx';
import { count, duration } from '../parts/numbers.ts';
import { Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';

const route = getRouteApi('/groups');

export function Page() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [asked, setAsked] = useState<string>();
  const list = useQuery(groups(liveOf(search)));
  const change = (next: LiveSearch): void => void navigate({ to: '.', search: { ...search, ...next }, replace: true });
  return (
    <>
      <PageHead title="Groups" />
      <div className="filters">
        <Field label="Name contains">
          <input type="search" value={search.text ?? ''} onChange={(event) => change({ text: event.target.value })} />
        </Field>
        <Every search={search} onChange={(every) => change({ every })} />
      </div>
      <Problem error={list.error} />
      {list.isPending && <Loading />}
      {list.data && <Groups groups={list.data} search={search} onDelete={setAsked} />}
      {asked !== undefined && <DeleteGroup groupId={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

type Props = {
  readonly groups: readonly GroupSummary[];
  readonly search: LiveSearch;
  readonly onDelete: (groupId: string) => void;
};

function Groups({ groups, search, onDelete }: Props) {
  const shown = groups.filter(({ groupId }) => groupId.includes(search.text ?? ''));
  const lags = useGroupLags(
    shown.map(({ groupId }) => groupId),
    liveOf(search),
  );
  if (groups.length === 0)
    return (
      <Empty command={rivulet('consume', 'orders', '--group', 'billing', '--from-beginning')}>
        There is no group yet. A consumer with a group id makes one:
      </Empty>
    );
  if (shown.length === 0) return <Empty>No group has such a name.</Empty>;
  return (
    <>
      {shown.length > mostLooks && <p>The lag is of the first {mostLooks} groups: search for others by name.</p>}
      <Table
        label="Groups"
        sort="-Lag"
        columns={columnsOf(lags, onDelete)}
        rows={shown}
        keyOf={({ groupId }) => groupId}
      />
    </>
  );
}

function columnsOf(lags: ReadonlyMap<string, Lag>, onDelete: Props['onDelete']): readonly Column<GroupSummary>[] {
  const lagColumn = (label: string, value: (lag: Lag) => number, format: (value: number) => string) => ({
    label,
    numeric: true,
    by: ({ groupId }: GroupSummary) => (lags.has(groupId) ? value(lags.get(groupId)!) : -1),
    cell: ({ groupId }: GroupSummary) => (lags.has(groupId) ? format(value(lags.get(groupId)!)) : '...'),
  });
  return [
    {
      label: 'Group',
      by: ({ groupId }) => groupId,
      cell: ({ groupId }) => (
        <Link to="/groups/$group" params={{ group: groupId }}>
          {groupId}
        </Link>
      ),
    },
    { label: 'State', by: ({ state }) => state, cell: ({ state }) => state },
    { label: 'Protocol', by: protocolOf, cell: protocolOf },
    { label: 'Members', numeric: true, by: ({ members }) => members, cell: ({ members }) => count(members) },
    lagColumn('Lag', ({ records }) => records, count),
    lagColumn('Time lag', ({ timeMs }) => timeMs, duration),
    {
      label: 'Actions',
      cell: ({ groupId }) => (
        <Menu
          label={<span title={`Actions for ${groupId}`}>...</span>}
          actions={[{ label: 'Delete', danger: true, act: () => onDelete(groupId) }]}
        />
      ),
    },
  ];
}
