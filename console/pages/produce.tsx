// Writes records: one, the same one many times with parts that change, or the lines of a file.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Loading } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { draftOf, emptyDraft } from '../records/draft.ts';
import { fetchSome } from '../records/fetch-rows.ts';
import { ProduceFile } from '../records/produce-file.tsx';
import { ProduceForm } from '../records/produce-form.tsx';

const route = getRouteApi('/topics/$topic/produce');

export function Page() {
  const { topic } = route.useParams();
  const { from } = route.useSearch();
  const start = useQuery({
    queryKey: ['record', topic, from],
    queryFn: ({ signal }) => (from === undefined ? emptyDraft : draftFrom(topic, from, signal)),
  });
  return (
    <>
      <Problem error={start.error} />
      {start.isPending && <Loading />}
      {start.data && <ProduceForm key={from ?? ''} topic={topic} start={start.data} />}
      <ProduceFile topic={topic} />
    </>
  );
}

async function draftFrom(topic: string, from: string, signal: AbortSignal) {
  const [partition = 0, offset = 0] = from.split(':').map(Number);
  const [fetched] = await fetchSome({ topic, signal }, [{ partition, from: offset, to: offset + 1 }]);
  const row = fetched?.rows[0];
  if (!row) throw new Error(`partition ${partition} holds no record at offset ${offset}: it may have been deleted`);
  return draftOf(row);
}
