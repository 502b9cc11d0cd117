// Where the records of a partition are stored: log segments, index pages and the tail, with a download of each piece.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import type { Segment, SegmentPage } from '../../client/admin/segment-admin.ts';
import { rivulet } from '../data/command-lines.ts';
import { segments } from '../data/queries.ts';
import { admin, clock } from '../data/service.ts';
import type { StorageSearch } from '../data/storage-search.ts';
import { Copy } from '../parts/copy.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { Field } from '../parts/field.tsx';
import { bytes, count, duration } from '../parts/numbers.ts';
import { Figure, Loading } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { save } from '../records/downloads.tsx';

const route = getRouteApi('/topics/$topic/storage');

export function Page() {
  const { topic } = route.useParams();
  const search = route.useSearch();
  const { partition = 0, from } = search;
  const navigate = route.useNavigate();
  const [asked, setAsked] = useState<Segment>();
  const go = (next: StorageSearch): void => void navigate({ to: '.', search: next });
  const look = useQuery(segments({ topic, partition, ...(from !== undefined && { from }) }));
  const next = look.data?.nextOffset;
  return (
    <>
      <Range key={JSON.stringify(search)} search={search} onGo={go} />
      <Problem error={look.error} />
      {look.isPending && <Loading />}
      {look.data && <Segments topic={topic} page={look.data} onDownload={setAsked} />}
      {next !== undefined && (
        <button type="button" onClick={() => go({ partition, from: next })}>
          Go on at offset {count(next)}
        </button>
      )}
      {asked && <Download topic={topic} partition={partition} segment={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

type RangeProps = { readonly search: StorageSearch; readonly onGo: (search: StorageSearch) => void };

function Range({ search: { partition = 0, from }, onGo }: RangeProps) {
  const [typed, setTyped] = useState({ partition: String(partition), from: from === undefined ? '' : String(from) });
  const go = (): void =>
    onGo({ partition: Number(typed.partition), ...(typed.from !== '' && { from: Number(typed.from) }) });
  return (
    <form
      className="filters"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <Field label="Partition">
        <input
          type="number"
          min={0}
          max={9_999}
          required
          value={typed.partition}
          onChange={(event) => setTyped({ ...typed, partition: event.target.value })}
        />
      </Field>
      <Field label="From offset">
        <input
          type="number"
          min={0}
          placeholder="the earliest"
          value={typed.from}
          onChange={(event) => setTyped({ ...typed, from: event.target.value })}
        />
      </Field>
      <button type="submit">Show</button>
    </form>
  );
}

type SegmentsProps = {
  readonly topic: string;
  readonly page: SegmentPage;
  readonly onDownload: (segment: Segment) => void;
};

function Segments({ topic, page, onDownload }: SegmentsProps) {
  const { logStartOffset, mergedOffset, tailOffset, highWatermark } = page;
  return (
    <>
      <div className="figures">
        <Figure
          label="Log segments"
          value={offsets(logStartOffset, mergedOffset)}
          note="objects that maintenance made"
        />
        <Figure label="Index pages" value={offsets(mergedOffset, tailOffset)} note="uploads that are not merged yet" />
        <Figure label="Tail" value={offsets(tailOffset, highWatermark)} note="named in the head of the partition" />
      </div>
      {page.segments.length === 0 ? (
        <Empty command={rivulet('produce', topic)}>
          The partition holds no record from this offset on. Write some, each line of the input as one:
        </Empty>
      ) : (
        <Table
          label="Stored pieces"
          columns={columnsOf(onDownload)}
          rows={page.segments}
          keyOf={({ baseOffset }) => baseOffset}
        />
      )}
    </>
  );
}

/** The end is exclusive. */
const offsets = (from: number, to: number): string =>
  from >= to ? 'none' : to - from === 1 ? `offset ${count(from)}` : `offsets ${count(from)} to ${count(to - 1)}`;

const columnsOf = (onDownload: SegmentsProps['onDownload']): readonly Column<Segment>[] => [
  { label: 'Offset', numeric: true, by: ({ baseOffset }) => baseOffset, cell: ({ baseOffset }) => count(baseOffset) },
  { label: 'End', numeric: true, by: ({ endOffset }) => endOffset, cell: ({ endOffset }) => count(endOffset) },
  { label: 'Records', numeric: true, by: ({ records }) => records, cell: ({ records }) => count(records) },
  {
    label: 'Bytes',
    numeric: true,
    by: (of) => of.bytes,
    cell: (of) => <span title={String(of.bytes)}>{bytes(of.bytes)}</span>,
  },
  { label: 'Kind', by: ({ kind }) => kind, cell: ({ kind }) => <span title={meanings[kind]}>{kind}</span> },
  {
    label: 'Named in',
    by: ({ indexedIn }) => indexedIn,
    cell: ({ indexedIn, pageOffset }) => (pageOffset === undefined ? indexedIn : `page ${count(pageOffset)}`),
  },
  { label: 'Newest record', by: ({ maxTimestamp }) => maxTimestamp, cell: (of) => <Time ms={of.maxTimestamp} /> },
  {
    // The index keeps the hour.
    label: 'Age at most',
    numeric: true,
    by: ({ createdAt }) => -createdAt,
    cell: ({ createdAt }) => (
      <span title={`written in the hour of ${new Date(createdAt).toISOString()}`}>
        {duration(Math.max(0, clock.now() - createdAt))}
      </span>
    ),
  },
  {
    label: 'Actions',
    cell: (of) => (
      <button type="button" onClick={() => onDownload(of)}>
        Download
      </button>
    ),
  },
  {
    label: 'Object',
    cell: ({ object, position }) => (
      <>
        <code>{object}</code> <span className="faint">from byte {count(position)}</span> <Copy text={object} />
      </>
    ),
  },
];

const meanings: Readonly<Record<Segment['kind'], string>> = {
  log: 'an object that maintenance has made, with this partition alone',
  ingest: 'a part of the object of one upload, which may hold other partitions too',
  staged: 'a part of the object of one upload, of a transaction that was committed',
  inline: 'an item of the table',
  list: 'a damaged list of the pieces of a transaction',
};

type DownloadProps = {
  readonly topic: string;
  readonly partition: number;
  readonly segment: Segment;
  readonly onClose: () => void;
};

/** The piece is held whole: it has at most as many bytes as one log segment. */
function Download({ topic, partition, segment, onClose }: DownloadProps) {
  const { baseOffset: offset, object } = segment;
  const [read, setRead] = useState(0);
  const file = `${topic}-${partition}-${offset}.bin`;
  const download = async (): Promise<void> => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let total = 0;
    for await (const piece of admin.readSegment({ topic, partition, offset, object })) {
      pieces.push(Uint8Array.from(piece));
      total += piece.length;
      setRead(total);
    }
    save(file, 'application/octet-stream', new Blob(pieces));
  };
  const which = ['--partition', partition, '--download', offset, '--file', file];
  return (
    <Dialog
      title={`Download ${file}`}
      act="Download"
      command={rivulet('topics', 'segments', topic, ...which)}
      onAct={download}
      onClose={onClose}
    >
      <p>
        {bytes(segment.bytes)} as they are stored: batches in Kafka's format, of this partition alone.
        {read > 0 && ` ${bytes(read)} are here.`}
      </p>
    </Dialog>
  );
}
