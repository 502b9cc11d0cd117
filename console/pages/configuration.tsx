// The configuration of a topic: each value with its default, its source and its meaning, and a dialog that alters it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import type { ConfigEntry } from '../../lib/api/topics.ts';
import { defaultOf } from '../../lib/topic/config.ts';
import { rivulet } from '../data/command-lines.ts';
import { meanings } from '../data/config-meanings.ts';
import { topic as topicQuery } from '../data/queries.ts';
import { admin } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { bytes, duration } from '../parts/numbers.ts';
import { Loading } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';

const route = getRouteApi('/topics/$topic/configuration');

export function Page() {
  const { topic } = route.useParams();
  const [asked, setAsked] = useState<ConfigEntry>();
  const [all, setAll] = useState(false);
  const look = useQuery(topicQuery(topic));
  const shown = (look.data?.config ?? []).filter(({ isDefault, note }) => all || !isDefault || note === undefined);
  return (
    <>
      <label className="filters">
        <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} />
        also those that change nothing here
      </label>
      <Problem error={look.error} />
      {look.isPending && <Loading />}
      {look.data?.warnings.map((warning) => (
        <p key={warning}>{warning}</p>
      ))}
      {look.data && (
        <Table label="Configuration" columns={columnsOf(setAsked)} rows={shown} keyOf={({ name }) => name} />
      )}
      {asked && <Alter topic={topic} entry={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

const columnsOf = (onAsk: (entry: ConfigEntry) => void): readonly Column<ConfigEntry>[] => [
  {
    label: 'Name',
    by: ({ name }) => name,
    cell: (entry) => (
      <button type="button" className="linked" title="Alter" onClick={() => onAsk(entry)}>
        {entry.name}
      </button>
    ),
  },
  {
    label: 'Value',
    cell: ({ name, value, isDefault }) => (
      <>
        {isDefault ? value : <strong>{value}</strong>} <span className="faint">{inUnits(name, value)}</span>
      </>
    ),
  },
  { label: 'Default', cell: ({ name }) => defaultOf(name) ?? 'unknown' },
  {
    label: 'Source',
    by: ({ isDefault }) => Number(isDefault),
    cell: ({ isDefault }) => (isDefault ? 'default' : 'topic'),
  },
  { label: 'Meaning', cell: ({ name, note }) => note ?? meanings[name] ?? '' },
];

/** Numbers that a double cannot hold stand for "without end" in Kafka's defaults. */
function inUnits(name: string, value: string): string {
  const number = Number(value);
  if (value === '' || !Number.isSafeInteger(number) || number < 1000) return '';
  if (name.endsWith('.ms')) return `(${duration(number)})`;
  return name.endsWith('.bytes') ? `(${bytes(number)})` : '';
}

function Alter({ topic, entry, onClose }: { topic: string; entry: ConfigEntry; onClose: () => void }) {
  const { name } = entry;
  const [value, setValue] = useState(entry.value);
  const [isReset, setReset] = useState(false);
  const cache = useQueryClient();
  const alter = async (): Promise<void> => {
    await admin.alterTopic({ topic, config: { [name]: isReset ? null : value } });
    await cache.invalidateQueries({ queryKey: ['topic', topic] });
  };
  const change = isReset ? ['--delete-config', name] : ['--config', `${name}=${value}`];
  const keepsLess = name.startsWith('retention.') || name === 'cleanup.policy';
  return (
    <Dialog
      title={`Alter ${name}`}
      act="Alter"
      lost={keepsLess && 'Records that the topic does not keep by the new value are lost.'}
      command={rivulet('topics', 'alter', topic, ...change)}
      onAct={alter}
      onClose={onClose}
    >
      <p>{entry.note ?? meanings[name]}</p>
      <Field label="Value" note={`The default is ${defaultOf(name) || 'empty'}.`}>
        <input value={value} disabled={isReset} onChange={(event) => setValue(event.target.value)} />
      </Field>
      <label>
        <input type="checkbox" checked={isReset} onChange={(event) => setReset(event.target.checked)} /> back to the
        default
      </label>
    </Dialog>
  );
}
