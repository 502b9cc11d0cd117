// One subscription: its state and settings, how far each partition is, and what fails. A group has at most one, so that the
// address names the group alone.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { stateNote, targetText } from '../../cli/subscription-target.ts';
import type { SubscriptionDescription } from '../../client/admin/subscription-admin.ts';
import type { SubscriptionRef } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';
import { type LiveSearch, liveOf } from '../data/live-search.ts';
import { subscription, subscriptions } from '../data/queries.ts';
import { Empty } from '../parts/empty.tsx';
import { Every } from '../parts/every.tsx';
import { count, plural } from '../parts/numbers.ts';
import { Figure, Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { Table } from '../parts/table.tsx';
import { ActionOn, type Asked, actionsOf, Said } from '../subscriptions/actions.tsx';
import { ChangeSettings, RotateSecret } from '../subscriptions/change-dialog.tsx';
import { Destination, partitionColumns } from '../subscriptions/columns.tsx';
import { ShownSecret } from '../subscriptions/create-dialog.tsx';
import { failingOf } from '../subscriptions/figures.ts';

const route = getRouteApi('/subscriptions/$group');

export function Page() {
  const { group } = route.useParams();
  const list = useQuery(subscriptions());
  const found = list.data?.find(({ groupId }) => groupId === group);
  if (found) return <Found topic={found.topic} groupId={group} />;
  return (
    <>
      <PageHead title={group} />
      <Problem error={list.error} />
      {list.isPending && <Loading />}
      {list.data && (
        <Empty command={rivulet('subscriptions', 'list')}>
          The group {group} has no subscription. See all of them:
        </Empty>
      )}
    </>
  );
}

function Found({ topic, groupId }: SubscriptionRef) {
  const search: LiveSearch = route.useSearch();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked>();
  const [said, setSaid] = useState<string>();
  const look = useQuery(subscription({ topic, groupId }, liveOf(search)));
  const done = (sentence: string): void => {
    if (asked?.doing === 'delete') void navigate({ to: '/subscriptions' });
    else setSaid(sentence);
  };
  return (
    <>
      <PageHead title={groupId}>
        <Every search={search} onChange={(every) => void navigate({ to: '.', search: { every }, replace: true })} />
        {actionsOf(look.data?.state === 'Paused', (doing) => setAsked({ topic, groupId, doing })).map(
          ({ label, act, danger }) => (
            <button key={label} type="button" className={danger ? 'danger' : undefined} onClick={act}>
              {label}
            </button>
          ),
        )}
        {look.data && <Settling of={look.data} onSaid={setSaid} />}
      </PageHead>
      <Said sentence={said} />
      <Problem error={look.error} />
      {look.isPending && <Loading />}
      {look.data && <Description of={look.data} />}
      {asked && <ActionOn asked={asked} onDone={done} onClose={() => setAsked(undefined)} />}
    </>
  );
}

type SettlingProps = { readonly of: SubscriptionDescription; readonly onSaid: (sentence: string) => void };

/** These buttons change the settings. A secret is shown after its dialog has closed, and is forgotten with its own. */
function Settling({ of, onSaid }: SettlingProps) {
  const { topic, groupId, settings } = of;
  const [open, setOpen] = useState<'settings' | 'secret'>();
  const [secret, setSecret] = useState<string>();
  const close = (): void => setOpen(undefined);
  return (
    <>
      <button type="button" onClick={() => setOpen('settings')}>
        Change settings
      </button>
      {'url' in settings.target && (
        <button type="button" onClick={() => setOpen('secret')}>
          Rotate secret
        </button>
      )}
      {open === 'settings' && (
        <ChangeSettings of={of} onDone={() => onSaid(`${groupId}: Its settings are changed.`)} onClose={close} />
      )}
      {open === 'secret' && <RotateSecret topic={topic} groupId={groupId} onDone={setSecret} onClose={close} />}
      {open === undefined && secret !== undefined && (
        <ShownSecret groupId={groupId} secret={secret} onClose={() => setSecret(undefined)} />
      )}
    </>
  );
}

type OfDescription = { readonly of: SubscriptionDescription };

function Description({ of }: OfDescription) {
  const failing = failingOf(of);
  return (
    <>
      <div className="figures">
        <Figure label="State" value={of.state} note={stateNote(of)} />
        <Figure label="Lag" value={count(of.lag)} note="records that are not delivered" />
        <Figure
          label="Failing"
          value={plural(failing.length, 'partition')}
          note={
            failing[0] && `partition ${failing[0].partition} has failed ${plural(failing[0].failing.attempts, 'time')}`
          }
        />
      </div>
      <Settings of={of} />
      <h2>Partitions</h2>
      <Table
        label="Partitions"
        sort="-Attempts"
        columns={partitionColumns(of.topic)}
        rows={of.partitions}
        keyOf={({ partition }) => partition}
      />
    </>
  );
}

/** The names are those of the API, as `describe -o json` prints them. */
function Settings({ of: { topic, groupId, settings } }: OfDescription) {
  const { target, onFailure, ...others } = settings;
  return (
    <div className="record">
      <dl>
        <dt>group</dt>
        <dd>
          <Link to="/groups/$group" params={{ group: groupId }}>
            {groupId}
          </Link>
        </dd>
        <dt>topic</dt>
        <dd>
          <Link to="/topics/$topic" params={{ topic }}>
            {topic}
          </Link>
        </dd>
        <dt>target</dt>
        <dd>{targetText(target)}</dd>
        <dt>dead letters to</dt>
        <dd>
          <Destination destination={onFailure} />
        </dd>
        {Object.entries(others).map(([name, value]) => (
          <Setting key={name} name={name} value={value} />
        ))}
      </dl>
    </div>
  );
}

const Setting = ({ name, value }: { readonly name: string; readonly value: unknown }) => (
  <>
    <dt>{name}</dt>
    <dd>{typeof value === 'object' ? JSON.stringify(value) : String(value)}</dd>
  </>
);
