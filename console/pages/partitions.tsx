// The partitions of a topic: a bar for each, so that skew is seen at once, and the exact values below.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { PartitionDetails } from '../../client/admin/topics.ts';
import { topic as topicQuery } from '../data/queries.ts';
import { useRatesNow } from '../data/rates.ts';
import { Bars } from '../parts/bars.tsx';
import { bytes, count, rate } from '../parts/numbers.ts';
import { Loading } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';

const route = getRouteApi('/topics/$topic/partitions');

export function Page() {
  const { topic } = route.useParams();
  const [storage, setStorage] = useState(false);
  const look = useQuery(topicQuery(topic, { everyMs: 5_000, storage }));
  return (
    <>
      <Problem error={look.error} />
      {look.isPending && <Loading />}
      {look.data && <Partitions topic={topic} partitions={look.data.partitionDetails} lookedMs={look.dataUpdatedAt} />}
      <label className="filters">
        <input type="checkbox" checked={storage} onChange={(event) => setStorage(event.target.checked)} />
        what maintenance has made of each: segments, dirty ratio (it reads more, the larger the log is)
      </label>
    </>
  );
}

const recordsOf = ({ earliest, latest }: PartitionDetails): number => latest - earliest;

type Props = { readonly topic: string; readonly partitions: readonly PartitionDetails[]; readonly lookedMs: number };

function Partitions({ topic, partitions, lookedMs }: Props) {
  const navigate = useNavigate();
  const [by, setBy] = useState<'records' | 'bytes'>('records');
  const nameOf = ({ partition }: PartitionDetails): string => `${topic}/${partition}`;
  const rates = useRatesNow(new Map(partitions.map((of) => [nameOf(of), of.latest])), lookedMs);
  const written: Column<PartitionDetails> = {
    label: 'Written',
    numeric: true,
    by: (of) => rates.get(nameOf(of)) ?? -1,
    cell: (of) => rate(rates.get(nameOf(of))),
  };
  const figureOf = by === 'records' ? recordsOf : (of: PartitionDetails) => of.bytes;
  const bars = partitions.map((of) => ({ name: `partition ${of.partition}`, value: figureOf(of) }));
  return (
    <>
      <div className="buttons">
        {(['records', 'bytes'] as const).map((one) => (
          <button key={one} type="button" aria-pressed={by === one} onClick={() => setBy(one)}>
            {one}
          </button>
        ))}
      </div>
      <Bars
        bars={bars}
        label={`${by} by partition`}
        format={by === 'records' ? count : bytes}
        onOpen={(at) => void navigate(recordsAt(topic, partitions[at]!))}
      />
      <Table
        label="Partitions"
        sort="Partition"
        columns={[...columnsOf(topic), written, ...(partitions.some(({ storage }) => storage) ? storageColumns : [])]}
        rows={partitions}
        keyOf={({ partition }) => partition}
      />
    </>
  );
}

const numberOf = (
  label: string,
  value: (of: PartitionDetails) => number,
  format: (value: number) => string = count,
): Column<PartitionDetails> => ({
  label,
  numeric: true,
  by: value,
  cell: (of) => <span title={String(value(of))}>{format(value(of))}</span>,
});

/** The records of one partition. */
const recordsAt = (topic: string, { partition }: PartitionDetails) => ({
  to: '/topics/$topic' as const,
  params: { topic },
  search: { partitions: String(partition) },
});

const columnsOf = (topic: string): readonly Column<PartitionDetails>[] => [
  {
    label: 'Partition',
    numeric: true,
    by: ({ partition }) => partition,
    cell: (of) => <Link {...recordsAt(topic, of)}>{of.partition}</Link>,
  },
  numberOf('Earliest', ({ earliest }) => earliest),
  numberOf('Latest', ({ latest }) => latest),
  numberOf('Records', recordsOf),
  numberOf('Bytes', (of) => of.bytes, bytes),
];

const storageColumns: readonly Column<PartitionDetails>[] = [
  numberOf('Log segments', ({ storage }) => storage?.logSegments ?? 0),
  numberOf('Bytes in log segments', ({ storage }) => storage?.logSegmentBytes ?? 0, bytes),
  {
    label: 'Dirty ratio',
    numeric: true,
    by: ({ storage }) => storage?.dirtyRatio ?? -1,
    cell: ({ storage }) => storage?.dirtyRatio?.toFixed(2) ?? '-',
  },
  { label: 'Maintained', cell: ({ storage }) => <Time ms={storage?.maintainedAt ?? -1} /> },
];
