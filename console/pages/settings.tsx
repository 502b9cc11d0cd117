// The page of settings shows the endpoint, whose credentials sign, the version, and the limits that a person meets.
import { useQuery } from '@tanstack/react-query';
import { limits } from '../../lib/api/limits.ts';
import { connected, health } from '../data/queries.ts';
import { Command } from '../parts/copy.tsx';
import { bytes, count, duration } from '../parts/numbers.ts';
import { Figure, Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';

export function Page() {
  const service = useQuery(health());
  const connection = useQuery(connected());
  return (
    <>
      <PageHead title="Settings" />
      <Problem error={service.error ?? connection.error} />
      {(service.isPending || connection.isPending) && <Loading />}
      <div className="figures">
        <Figure label="Version" value={service.data?.version ?? '...'} note={service.data?.status} />
        <Figure label="Region" value={connection.data?.region ?? '...'} />
        <Figure label="Identity" value={connection.data?.identity ?? '...'} note="whose credentials sign the calls" />
      </div>
      {connection.data && (
        <>
          <h2>Endpoint</h2>
          <Command line={connection.data.url} />
        </>
      )}
      <h2>Limits</h2>
      <Table label="Limits" columns={columns} rows={rows} keyOf={({ name }) => name} />
    </>
  );
}

type Limit = { readonly name: keyof typeof limits; readonly of: string; readonly format: (value: number) => string };

const rows: readonly Limit[] = [
  { name: 'nameLength', of: 'characters of the name of a topic, a group or a transactional id', format: count },
  { name: 'partitions', of: 'partitions of a topic', format: count },
  { name: 'defaultMaxMessageBytes', of: 'a batch, unless the topic says otherwise', format: bytes },
  { name: 'maxMessageBytes', of: 'a batch, at most: max.message.bytes of a topic', format: bytes },
  { name: 'recordHeaders', of: 'headers of a record', format: count },
  { name: 'jsonRecords', of: 'records of one JSON request', format: count },
  { name: 'binaryBodyBytes', of: 'a binary request', format: bytes },
  { name: 'jsonBodyBytes', of: 'a JSON request', format: bytes },
  { name: 'fetchBytes', of: 'the answer to one fetch', format: bytes },
  { name: 'waitMs', of: 'a long poll', format: duration },
  { name: 'groupMembers', of: 'members of a group', format: count },
  { name: 'groupPartitions', of: 'partitions of a group', format: count },
  { name: 'maxSessionTimeoutMs', of: 'the longest session of a member', format: duration },
  { name: 'transactionPartitions', of: 'partitions of a transaction', format: count },
  { name: 'transactionBytes', of: 'the records of a transaction', format: bytes },
  { name: 'maxTransactionTimeoutMs', of: 'the longest time-out of a transaction', format: duration },
];

const columns: readonly Column<Limit>[] = [
  { label: 'Limit', by: ({ name }) => name, cell: ({ name }) => <code>{name}</code> },
  {
    label: 'Value',
    numeric: true,
    cell: ({ name, format }) => <span title={String(limits[name])}>{format(limits[name])}</span>,
  },
  { label: 'Of', cell: ({ of }) => of },
];
