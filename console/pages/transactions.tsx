// The transactions of producers: what is open, how old it is, and who began it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { ageOf, stateOf } from '../../cli/transaction-state.ts';
import type { PartitionInTransaction, TransactionDescription } from '../../client/admin/transaction-admin.ts';
import { rivulet } from '../data/command-lines.ts';
import { type LiveSearch, liveOf } from '../data/live-search.ts';
import { transaction, transactions } from '../data/queries.ts';
import { admin } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { Every } from '../parts/every.tsx';
import { Field } from '../parts/field.tsx';
import { count, duration, plural } from '../parts/numbers.ts';
import { Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';

const route = getRouteApi('/transactions');

export function Page() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [all, setAll] = useState(false);
  const [asked, setAsked] = useState<TransactionDescription>();
  const [looked, setLooked] = useState<TransactionDescription>();
  const list = useQuery(transactions(liveOf(search)));
  const change = (next: LiveSearch): void => void navigate({ to: '.', search: { ...search, ...next }, replace: true });
  return (
    <>
      <PageHead title="Transactions" />
      <div className="filters">
        <Field label="Id contains">
          <input type="search" value={search.text ?? ''} onChange={(event) => change({ text: event.target.value })} />
        </Field>
        <Every search={search} onChange={(every) => change({ every })} />
        <label>
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} /> also ids with
          nothing staged
        </label>
      </div>
      <Problem error={list.error} />
      {list.isPending && <Loading />}
      {list.data && (
        <Transactions
          all={list.data}
          shown={list.data.filter((one) => isShown(one, search, all))}
          nowMs={list.dataUpdatedAt}
          onAbort={setAsked}
          onLook={setLooked}
        />
      )}
      {asked && <Abort transaction={asked} onClose={() => setAsked(undefined)} />}
      {looked && <Details id={looked.transactionalId} onClose={() => setLooked(undefined)} />}
    </>
  );
}

const isShown = (
  { state, transactionalId }: TransactionDescription,
  { text = '' }: LiveSearch,
  all: boolean,
): boolean => (all || state !== 'empty') && transactionalId.includes(text);

type Props = {
  readonly all: readonly TransactionDescription[];
  readonly shown: readonly TransactionDescription[];
  readonly nowMs: number;
  readonly onAbort: (transaction: TransactionDescription) => void;
  readonly onLook: (transaction: TransactionDescription) => void;
};

function Transactions({ all, shown, nowMs, ...actions }: Props) {
  if (shown.length === 0)
    return (
      <Empty command={rivulet('transactions', 'list', '--all')}>
        {all.length === 0
          ? 'No producer has used a transactional id yet. The command line lists them too:'
          : `None of the ${plural(all.length, 'id')} that exist is shown: nothing is staged, or no id has such a name.`}
      </Empty>
    );
  return (
    <Table
      label="Transactions"
      sort="-Age"
      columns={columnsOf(nowMs, actions)}
      rows={shown}
      keyOf={({ transactionalId }) => transactionalId}
    />
  );
}

type Actions = Pick<Props, 'onAbort' | 'onLook'>;

const columnsOf = (nowMs: number, { onAbort, onLook }: Actions): readonly Column<TransactionDescription>[] => [
  { label: 'Id', by: ({ transactionalId }) => transactionalId, cell: ({ transactionalId }) => transactionalId },
  { label: 'State', by: (of) => stateOf(of, nowMs), cell: (of) => stateOf(of, nowMs) },
  { label: 'Age', numeric: true, by: (of) => ageOf(of, nowMs), cell: (of) => duration(ageOf(of, nowMs)) },
  { label: 'Time-out', numeric: true, by: ({ timeoutMs }) => timeoutMs, cell: ({ timeoutMs }) => duration(timeoutMs) },
  { label: 'Ends at', by: ({ deadline }) => deadline, cell: ({ deadline }) => <Time ms={deadline} /> },
  { label: 'Number', numeric: true, by: ({ transaction }) => transaction, cell: (of) => count(of.transaction) },
  { label: 'Batches', numeric: true, by: ({ batches }) => batches, cell: ({ batches }) => count(batches) },
  { label: 'Groups', cell: ({ groups }) => groups.join(', ') || '-' },
  {
    label: 'Producer',
    by: ({ producerId }) => producerId,
    cell: ({ producerId, producerEpoch }) => `${producerId}, epoch ${producerEpoch}`,
  },
  { label: 'Last', cell: ({ last }) => (last ? `${count(last.transaction)} ${last.outcome}` : '-') },
  {
    label: 'Actions',
    cell: (of) => (
      <>
        <button type="button" disabled={of.batches === 0} onClick={() => onLook(of)}>
          Partitions
        </button>{' '}
        <button type="button" disabled={of.state === 'empty'} onClick={() => onAbort(of)}>
          Abort
        </button>
      </>
    ),
  },
];

type DetailsProps = { readonly id: string; readonly onClose: () => void };

function Details({ id, onClose }: DetailsProps) {
  const { data, error, isPending } = useQuery(transaction(id));
  return (
    <Dialog
      title={`Where the transaction of ${id} has staged records`}
      act="Close"
      command={rivulet('transactions', 'describe', id)}
      onAct={async () => undefined}
      onClose={onClose}
      hasCancel={false}
    >
      <Problem error={error} />
      {isPending && <Loading />}
      {data && <Table label="Partitions" columns={partitionColumns} rows={data.partitions} keyOf={placeOf} />}
    </Dialog>
  );
}

const placeOf = ({ topicId, partition }: PartitionInTransaction): string => `${topicId}/${partition}`;

const partitionColumns: readonly Column<PartitionInTransaction>[] = [
  { label: 'Topic', by: nameIn, cell: nameIn },
  { label: 'Partition', numeric: true, by: ({ partition }) => partition, cell: ({ partition }) => partition },
  { label: 'Batches', numeric: true, by: ({ batches }) => batches, cell: ({ batches }) => count(batches) },
  { label: 'Records', numeric: true, by: ({ records }) => records, cell: ({ records }) => count(records) },
];

function nameIn({ topic, topicId }: PartitionInTransaction): string {
  return topic ?? `${topicId} (deleted)`;
}

type AbortProps = { readonly transaction: TransactionDescription; readonly onClose: () => void };

function Abort({ transaction: { transactionalId, batches, state }, onClose }: AbortProps) {
  const cache = useQueryClient();
  const abort = async (): Promise<void> => {
    await admin.abortTransaction(transactionalId);
    await cache.invalidateQueries({ queryKey: ['transactions'] });
  };
  const lost =
    state === 'decided'
      ? 'This transaction is decided, so it is completed instead. Its producer is fenced: its next request fails.'
      : `The records of ${batches === 1 ? '1 batch' : `${count(batches)} batches`} that it has staged are lost. Its producer is fenced, even if it is alive: its next request fails with PRODUCER_FENCED.`;
  return (
    <Dialog
      title={`Abort the transaction of ${transactionalId}`}
      act="Abort"
      lost={lost}
      command={rivulet('transactions', 'abort', transactionalId)}
      onAct={abort}
      onClose={onClose}
    />
  );
}
