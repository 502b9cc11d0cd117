// All subscriptions: where the records of each go, how far the deliveries are, and what fails.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import type { CreatedSubscription } from '../../client/admin/subscription-admin.ts';
import type { SubscriptionSummary } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';
import { type LiveSearch, liveOf } from '../data/live-search.ts';
import { subscriptions } from '../data/queries.ts';
import { Empty } from '../parts/empty.tsx';
import { Every } from '../parts/every.tsx';
import { Field } from '../parts/field.tsx';
import { plural } from '../parts/numbers.ts';
import { Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { Table } from '../parts/table.tsx';
import { ActionOn, type Asked, Said } from '../subscriptions/actions.tsx';
import { columnsOf } from '../subscriptions/columns.tsx';
import { CreateSubscription, ShownSecret } from '../subscriptions/create-dialog.tsx';
import { mostLooks, useDescriptions } from '../subscriptions/figures.ts';

const route = getRouteApi('/subscriptions');

export function Page() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [asked, setAsked] = useState<Asked>();
  const [said, setSaid] = useState<string>();
  const list = useQuery(subscriptions(liveOf(search)));
  const change = (next: LiveSearch): void => void navigate({ to: '.', search: { ...search, ...next }, replace: true });
  return (
    <>
      <PageHead title="Subscriptions">
        <Create onCreated={setSaid} />
      </PageHead>
      <div className="filters">
        <Field label="Group or topic contains">
          <input type="search" value={search.text ?? ''} onChange={(event) => change({ text: event.target.value })} />
        </Field>
        <Every search={search} onChange={(every) => change({ every })} />
      </div>
      <Said sentence={said} />
      <Problem error={list.error} />
      {list.isPending && <Loading />}
      {list.data && <Subscriptions all={list.data} search={search} onAsk={setAsked} />}
      {asked && <ActionOn asked={asked} onDone={setSaid} onClose={() => setAsked(undefined)} />}
    </>
  );
}

/** The secret is shown after the form has closed, and is forgotten with its dialog. */
function Create({ onCreated }: { readonly onCreated: (sentence: string) => void }) {
  const [isOpen, setOpen] = useState(false);
  const [created, setCreated] = useState<CreatedSubscription>();
  const take = (made: CreatedSubscription): void => {
    setCreated(made);
    onCreated(`${made.groupId}: It is created, with ${plural(made.lag, 'record')} to deliver.`);
  };
  return (
    <>
      <button type="button" className="main" onClick={() => setOpen(true)}>
        Create a subscription
      </button>
      {isOpen && <CreateSubscription onCreated={take} onClose={() => setOpen(false)} />}
      {!isOpen && created?.secret !== undefined && (
        <ShownSecret groupId={created.groupId} secret={created.secret} onClose={() => setCreated(undefined)} />
      )}
    </>
  );
}

type Props = {
  readonly all: readonly SubscriptionSummary[];
  readonly search: LiveSearch;
  readonly onAsk: (asked: Asked) => void;
};

function Subscriptions({ all, search, onAsk }: Props) {
  const { text = '' } = search;
  const shown = all.filter(({ topic, groupId }) => groupId.includes(text) || topic.includes(text));
  const known = useDescriptions(shown, liveOf(search));
  if (all.length === 0)
    return (
      <Empty
        command={rivulet(
          ...['subscriptions', 'create', 'billing', '--topic', 'orders'],
          ...['--webhook', 'http://127.0.0.1:3000/orders'],
        )}
      >
        There is no subscription yet. One delivers the records of a topic to your webhook or function, so that no
        consumer polls:
      </Empty>
    );
  if (shown.length === 0) return <Empty>No subscription has such a group or topic.</Empty>;
  return (
    <>
      {shown.length > mostLooks && <p>Lag and failures are of the first {mostLooks}: search for others by name.</p>}
      <Table
        label="Subscriptions"
        sort="-Lag"
        columns={columnsOf(known, onAsk)}
        rows={shown}
        keyOf={({ topic, groupId }) => `${topic}/${groupId}`}
      />
    </>
  );
}
