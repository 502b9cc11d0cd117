// The records of a topic: filters, the table, and the record that is open. The filters live in the URL.
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { rivulet } from '../data/command-lines.ts';
import { Empty } from '../parts/empty.tsx';
import { count, duration, plural, rate } from '../parts/numbers.ts';
import { Problem } from '../parts/problem.tsx';
import { Table } from '../parts/table.tsx';
import { Downloads } from '../records/downloads.tsx';
import { Filters } from '../records/filters.tsx';
import { RecordView } from '../records/record-view.tsx';
import { type Row, rowId } from '../records/row.ts';
import type { Progress } from '../records/scan.ts';
import { isFiltered, type MessageSearch } from '../records/search.ts';
import { columns } from '../records/table-columns.tsx';
import { useScan } from '../records/use-scan.ts';
import { useTail } from '../records/use-tail.ts';

const route = getRouteApi('/topics/$topic/');

export function Page() {
  const { topic } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const [round, setRound] = useState(0);
  // A predicate that came with the URL is somebody else's code: it waits for the person's own click.
  const [agreed, setAgreed] = useState<string>();
  const [showsMore, setShowsMore] = useState(search.where !== undefined || search.js !== undefined);
  const isHeld = search.js !== undefined && search.js !== agreed;
  const apply = (next: MessageSearch): void => {
    setAgreed(next.js);
    setRound(round + 1);
    void navigate({ to: '/topics/$topic', params: { topic }, search: next });
  };
  return (
    <>
      <Filters
        key={JSON.stringify(search)}
        search={search}
        onApply={apply}
        showsMore={showsMore}
        onShowMore={setShowsMore}
      />
      {isHeld ? (
        <p role="status">This address has a JavaScript predicate. Read it above, and press Search to run it.</p>
      ) : search.order === 'tail' ? (
        <Tail topic={topic} search={search} />
      ) : (
        <Walk topic={topic} search={search} round={round} />
      )}
    </>
  );
}

type Props = { readonly topic: string; readonly search: MessageSearch };

function Walk({ topic, search, round }: Props & { readonly round: number }) {
  const { rows, progress, running, perSecond, error, more, stop } = useScan(topic, search, round);
  const isMore = progress !== undefined && !progress.done && !running;
  const found = isFiltered(search) ? `, ${count(progress?.found ?? 0)} found` : '';
  const pace = running && progress && isFiltered(search) ? paceOf(progress, perSecond) : '';
  return (
    <>
      <div className="status">
        <span role="status">
          {progress && `Scanned ${count(progress.scanned)} of ${count(progress.total)}${found}${pace}`}
          {!progress && !error && 'Looking ...'}
        </span>
        {running && progress && <progress aria-label="Scanned" value={progress.scanned} max={progress.total || 1} />}
        {running && (
          <button type="button" onClick={stop}>
            Cancel
          </button>
        )}
        {isMore && (
          <button type="button" onClick={() => void more?.()}>
            Go on
          </button>
        )}
        <Downloads topic={topic} rows={rows} />
      </div>
      <Problem error={error} />
      {rows.length === 0 && progress?.done && <None topic={topic} search={search} />}
      <Rows topic={topic} rows={rows} onEnd={isMore && !error ? () => void more?.() : undefined} />
    </>
  );
}

/** The longest that the search may still take. It ends before, when a page of records is found. */
function paceOf({ scanned, total }: Progress, perSecond: number): string {
  if (perSecond === 0) return '';
  return `, ${rate(Math.round(perSecond))}, at most ${duration(((total - scanned) / perSecond) * 1000)} left`;
}

function Tail({ topic, search }: Props) {
  const [paused, setPaused] = useState(false);
  const { rows, dropped, error } = useTail(topic, search, paused);
  return (
    <>
      <div className="status">
        <span role="status">
          {paused ? 'Paused' : 'Live'}: {plural(rows.length, 'record')}
          {dropped > 0 && `, ${count(dropped)} older ones let go`}
        </span>
        <button type="button" onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
        <Downloads topic={topic} rows={rows} />
      </div>
      <Problem error={error} />
      {rows.length === 0 && !error && (
        <Empty command={`echo 'hello' | ${rivulet('produce', topic)}`}>
          Records appear here when they are written.
        </Empty>
      )}
      <Rows topic={topic} rows={rows} />
    </>
  );
}

function None({ topic, search }: Props) {
  if (isFiltered(search))
    return (
      <Empty>
        No record between the bounds matches. Texts are compared as they are: capitals differ from small letters, and
        quotes belong to the text.
      </Empty>
    );
  if (Object.keys(search).length > 0) return <Empty>There is no record between the bounds.</Empty>;
  return <Empty command={`echo 'hello' | ${rivulet('produce', topic)}`}>The topic has no record yet.</Empty>;
}

type RowsProps = { readonly topic: string; readonly rows: readonly Row[]; readonly onEnd?: (() => void) | undefined };

function Rows({ topic, rows, onEnd }: RowsProps) {
  const [open, setOpen] = useState<Row>();
  if (rows.length === 0) return null;
  return (
    <div className={open ? 'split open' : 'split'}>
      <Table
        label="Records"
        className="records"
        grows
        columns={columns}
        rows={rows}
        keyOf={rowId}
        marked={open && rowId(open)}
        onOpen={setOpen}
        onEnd={onEnd}
      />
      {open && <RecordView key={rowId(open)} topic={topic} row={open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}
