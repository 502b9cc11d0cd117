// One group: why it is behind, its lag over time and by partition, its members, and what can be done to it.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { GroupDescription } from '../../client/admin/group-admin.ts';
import { liveOf } from '../data/live-search.ts';
import { group as groupQuery } from '../data/queries.ts';
import { useHistory } from '../data/rates.ts';
import { firstUnread, memberColumns, partitionColumns, ToFirstUnread } from '../groups/columns.tsx';
import { DeleteGroup, DeleteOffsets } from '../groups/dialogs.tsx';
import { lagOf, protocolOf } from '../groups/figures.ts';
import { reasonsOf } from '../groups/reasons.ts';
import { ResetOffsets } from '../groups/reset-dialog.tsx';
import { Bars } from '../parts/bars.tsx';
import { Chart } from '../parts/chart.tsx';
import { Every } from '../parts/every.tsx';
import { count, duration } from '../parts/numbers.ts';
import { Figure, Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { Table } from '../parts/table.tsx';

const route = getRouteApi('/groups/$group');

type Asked = 'reset' | 'offsets' | 'delete';

export function Page() {
  const { group } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [asked, setAsked] = useState<Asked>();
  const look = useQuery(groupQuery(group, liveOf(search)));
  return (
    <>
      <PageHead title={group}>
        <Every search={search} onChange={(every) => void navigate({ to: '.', search: { every }, replace: true })} />
        <button type="button" disabled={!look.data} onClick={() => setAsked('reset')}>
          Reset offsets
        </button>
        <button type="button" disabled={!look.data} onClick={() => setAsked('offsets')}>
          Delete offsets
        </button>
        <button type="button" className="danger" onClick={() => setAsked('delete')}>
          Delete
        </button>
      </PageHead>
      <Problem error={look.error} />
      {look.isPending && <Loading />}
      {look.data && <Group group={look.data} lookedMs={look.dataUpdatedAt} />}
      {asked && <AskedOf asked={asked} groupId={group} group={look.data} onClose={() => setAsked(undefined)} />}
    </>
  );
}

type AskedProps = {
  readonly asked: Asked;
  readonly groupId: string;
  readonly group: GroupDescription | undefined;
  readonly onClose: () => void;
};

function AskedOf({ asked, groupId, group, onClose }: AskedProps) {
  const navigate = useNavigate();
  if (asked === 'delete')
    return <DeleteGroup groupId={groupId} onDone={() => navigate({ to: '/groups' })} onClose={onClose} />;
  if (!group) return null;
  return asked === 'reset' ? (
    <ResetOffsets group={group} onClose={onClose} />
  ) : (
    <DeleteOffsets group={group} onClose={onClose} />
  );
}

function Group({ group, lookedMs }: { readonly group: GroupDescription; readonly lookedMs: number }) {
  const { groupId, memberDetails, partitionDetails } = group;
  const navigate = useNavigate();
  const lag = lagOf(group);
  const bars = partitionDetails.map((of) => ({ name: `${of.topic} ${of.partition}`, value: Math.max(0, of.lag) }));
  return (
    <>
      <div className="figures">
        <Figure label="State" value={group.state} note={`assignor ${group.assignor}, epoch ${group.groupEpoch}`} />
        <Figure label="Members" value={count(group.members)} note={protocolOf(group)} />
        <Figure label="Lag" value={count(lag.records)} note="records" />
        <Figure label="Time lag" value={duration(lag.timeMs)} note={<OldestUnread of={partitionDetails} />} />
      </div>
      {group.subscription && (
        <p>
          The group is a{' '}
          <Link to="/subscriptions/$group" params={{ group: groupId }}>
            subscription
          </Link>
          , state {group.subscription.state}: no consumer can join it.
        </p>
      )}
      <Reasons group={group} />
      <LagChart groupId={groupId} lag={lag.records} lookedMs={lookedMs} />
      {lag.records > 0 && partitionDetails.length > 1 && (
        <Bars
          bars={bars}
          label="Lag by partition"
          format={count}
          onOpen={(at) => void navigate(firstUnread(partitionDetails[at]!))}
        />
      )}
      <h2>Partitions</h2>
      <Table
        label="Partitions"
        sort="-Lag"
        columns={partitionColumns(memberDetails)}
        rows={partitionDetails}
        keyOf={({ topicId, partition }) => `${topicId}/${partition}`}
      />
      <h2>Members</h2>
      {memberDetails.length === 0 && <p>The group has no members.</p>}
      {memberDetails.length > 0 && (
        <Table label="Members" columns={memberColumns} rows={memberDetails} keyOf={({ memberId }) => memberId} />
      )}
    </>
  );
}

function OldestUnread({ of }: { readonly of: GroupDescription['partitionDetails'] }) {
  const [oldest] = of.filter(({ lag }) => lag > 0).toSorted((a, b) => b.timeLagMs - a.timeLagMs);
  const text = 'the age of the oldest unread record';
  return oldest ? <ToFirstUnread of={oldest}>{text}</ToFirstUnread> : text;
}

function Reasons({ group }: { readonly group: GroupDescription }) {
  const reasons = reasonsOf(group);
  if (reasons.length === 0) return null;
  return (
    <ul className="card" aria-label="Why it is behind">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}

type LagChartProps = { readonly groupId: string; readonly lag: number; readonly lookedMs: number };

function LagChart({ groupId, lag, lookedMs }: LagChartProps) {
  const seen = useHistory(`lag of ${groupId}`, lag, lookedMs);
  if (seen.length < 2) return null;
  return (
    <Chart
      label="Lag in records, while the console was open"
      times={seen.map(({ ms }) => ms)}
      series={[{ label: 'lag', values: seen.map(({ total }) => total), colour: '--accent' }]}
      format={count}
    />
  );
}
