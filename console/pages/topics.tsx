// All topics with their figures, and what can be done to a topic.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { TopicSummary } from '../../client/admin/topics.ts';
import { rivulet } from '../data/command-lines.ts';
import { topics } from '../data/queries.ts';
import { useRatesNow } from '../data/rates.ts';
import { configOf, type TopicFigures, useTopicFigures } from '../data/topic-figures.ts';
import { Empty } from '../parts/empty.tsx';
import { Field } from '../parts/field.tsx';
import { Menu } from '../parts/menu.tsx';
import { bytes, count, duration, rate } from '../parts/numbers.ts';
import { Loading, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { AddPartitions, CreateTopic, DeleteTopic } from '../parts/topic-dialogs.tsx';

const everyMs = 5_000;

type Asked = { readonly kind: 'create' } | { readonly kind: 'delete' | 'partitions'; readonly topic: TopicSummary };

export function Page() {
  const [search, setSearch] = useState('');
  const [internal, setInternal] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const list = useQuery(topics({ everyMs }));
  const shown = (list.data ?? []).filter(
    ({ topic }) => topic.includes(search) && (internal || !topic.startsWith('__')),
  );
  return (
    <>
      <PageHead title="Topics">
        <button type="button" className="main" onClick={() => setAsked({ kind: 'create' })}>
          Create a topic
        </button>
      </PageHead>
      <div className="filters">
        <Field label="Name contains">
          <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
        </Field>
        <label>
          <input type="checkbox" checked={internal} onChange={(event) => setInternal(event.target.checked)} /> internal
          topics too
        </label>
      </div>
      <Problem error={list.error} />
      {list.isPending && <Loading />}
      {list.data && <Topics topics={shown} isFiltered={shown.length < list.data.length} onAsk={setAsked} />}
      {asked && <Asked asked={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

type TopicsProps = { topics: readonly TopicSummary[]; isFiltered: boolean; onAsk: (asked: Asked) => void };

function Topics({ topics, isFiltered, onAsk }: TopicsProps) {
  const { figures, lookedMs } = useTopicFigures(topics.map(({ topic }) => topic).sort(), everyMs);
  const totals = [...figures].map(
    ([name, { partitionDetails }]) => [`topic ${name}`, latestOf(partitionDetails)] as const,
  );
  const rates = useRatesNow(new Map(totals), lookedMs);
  if (topics.length === 0)
    return isFiltered ? (
      <Empty>No topic has such a name.</Empty>
    ) : (
      <Empty command={rivulet('topics', 'create', 'orders', '--partitions', 3)}>There is no topic yet.</Empty>
    );
  return (
    <Table
      label="Topics"
      sort="Topic"
      columns={columnsOf(figures, rates, onAsk)}
      rows={topics}
      keyOf={({ topicId }) => topicId}
    />
  );
}

const latestOf = (partitions: TopicFigures['partitionDetails']): number =>
  partitions.reduce((sum, { latest }) => sum + latest, 0);

function columnsOf(
  figures: ReadonlyMap<string, TopicFigures>,
  rates: ReadonlyMap<string, number>,
  onAsk: TopicsProps['onAsk'],
): readonly Column<TopicSummary>[] {
  const of = ({ topic }: TopicSummary): TopicFigures | undefined => figures.get(topic);
  const figure = (value: (of: TopicFigures) => number, format: (value: number) => string) => ({
    numeric: true,
    by: (row: TopicSummary) => (of(row) ? value(of(row)!) : -1),
    cell: (row: TopicSummary) => {
      const found = of(row);
      return found ? <span title={String(value(found))}>{format(value(found))}</span> : '...';
    },
  });
  return [
    {
      label: 'Topic',
      by: ({ topic }) => topic,
      cell: ({ topic }) => (
        <Link to="/topics/$topic" params={{ topic }}>
          {topic}
        </Link>
      ),
    },
    { label: 'Partitions', numeric: true, by: ({ partitions }) => partitions, cell: (row) => count(row.partitions) },
    { label: 'Records', ...figure(({ records }) => records, count) },
    { label: 'Bytes', ...figure((found) => found.bytes, bytes) },
    {
      label: 'Written',
      numeric: true,
      by: ({ topic }) => rates.get(`topic ${topic}`) ?? -1,
      cell: ({ topic }) => rate(rates.get(`topic ${topic}`)),
    },
    { label: 'Retention', cell: (row) => retention(of(row)) },
    { label: 'Policy', cell: (row) => configOf(of(row)?.config ?? [], 'cleanup.policy') ?? '...' },
    { label: 'Created', by: ({ createdAt }) => createdAt, cell: ({ createdAt }) => <Time ms={createdAt} /> },
    {
      label: 'Actions',
      cell: (topic) => (
        <Menu
          label={<span title={`Actions for ${topic.topic}`}>...</span>}
          actions={[
            { label: 'Add partitions', act: () => onAsk({ kind: 'partitions', topic }) },
            { label: 'Delete', danger: true, act: () => onAsk({ kind: 'delete', topic }) },
          ]}
        />
      ),
    },
  ];
}

function retention(of: TopicFigures | undefined): string {
  if (!of) return '...';
  const [ms, most] = ['retention.ms', 'retention.bytes'].map((name) => Number(configOf(of.config, name) ?? -1));
  const parts = [ms! < 0 ? [] : duration(ms!), most! < 0 ? [] : bytes(most!)].flat();
  return parts.join(', ') || 'for ever';
}

function Asked({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  const cache = useQueryClient();
  const done = () => cache.invalidateQueries({ queryKey: ['topics'] });
  if (asked.kind === 'create') return <CreateTopic onDone={done} onClose={onClose} />;
  if (asked.kind === 'delete') return <DeleteTopic topic={asked.topic} onDone={done} onClose={onClose} />;
  return <AddPartitions topic={asked.topic} onDone={done} onClose={onClose} />;
}
