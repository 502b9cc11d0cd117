// The form that writes one record, or the same one many times.
import { type FormEvent, useState } from 'react';
import { lineOfMessage } from '../../cli/json-lines.ts';
import type { Message } from '../../client/message.ts';
import type { RecordMetadata } from '../../client/record-metadata.ts';
import { rivulet } from '../data/command-lines.ts';
import { Command } from '../parts/copy.tsx';
import { Field } from '../parts/field.tsx';
import { plural } from '../parts/numbers.ts';
import { Problem } from '../parts/problem.tsx';
import { type Draft, kinds, messagesOf, type Typed } from './draft.ts';
import { send } from './send.ts';

type State = { readonly busy?: boolean; readonly error?: unknown; readonly placed?: readonly RecordMetadata[] };

export function ProduceForm({ topic, start }: { readonly topic: string; readonly start: Draft }) {
  const [draft, setDraft] = useState(start);
  const [state, setState] = useState<State>({});
  const set = (change: Partial<Draft>): void => setDraft({ ...draft, ...change });
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setState({ busy: true });
    try {
      setState({ placed: await send(topic, messagesOf(draft, Date.now())) });
    } catch (error) {
      setState({ error });
    }
  };
  return (
    <form className="stack" onSubmit={(event) => void submit(event)} aria-label="Produce a record">
      <Bytes label="Key" rows={2} typed={draft.key} onChange={(key) => set({ key })} />
      <Bytes label="Value" rows={8} typed={draft.value} onChange={(value) => set({ value })} />
      <Field label="Headers" note="One name=value a line.">
        <textarea rows={2} value={draft.headers} onChange={(event) => set({ headers: event.target.value })} />
      </Field>
      <div className="filters">
        <Line
          label="Partition"
          value={draft.partition}
          empty="by the key"
          onChange={(partition) => set({ partition })}
        />
        <Line label="Timestamp" value={draft.timestamp} empty="now" onChange={(timestamp) => set({ timestamp })} />
        <Line label="Times" value={draft.repeat} empty="1" onChange={(repeat) => set({ repeat })} />
      </div>
      <p className="faint">{'{{i}}, {{uuid}} and {{now}} in key, value and headers differ from record to record.'}</p>
      <div className="buttons">
        <button type="submit" className="main" disabled={state.busy ?? false}>
          {state.busy ? 'Writing ...' : 'Produce'}
        </button>
      </div>
      <Problem error={state.error} />
      {state.placed && <Placed placed={state.placed} />}
      <details>
        <summary>The same on the command line</summary>
        <Command line={commandOf(topic, draft)} />
      </details>
    </form>
  );
}

export function Placed({ placed }: { readonly placed: readonly RecordMetadata[] }) {
  const [first] = placed;
  const where = placed.length === 1 && first ? ` at offset ${first.offset} of partition ${first.partition}` : '';
  return (
    <p role="status">
      {plural(placed.length, 'record')} {placed.length === 1 ? 'is' : 'are'} written{where}.
    </p>
  );
}

type LineProps = { label: string; value: string; empty: string; onChange: (value: string) => void };

const Line = ({ label, value, empty, onChange }: LineProps) => (
  <Field label={label}>
    <input value={value} placeholder={empty} size={14} onChange={(event) => onChange(event.target.value)} />
  </Field>
);

type BytesProps = { label: string; rows: number; typed: Typed; onChange: (typed: Typed) => void };

function Bytes({ label, rows, typed, onChange }: BytesProps) {
  return (
    <fieldset>
      <legend>{label}</legend>
      <select
        aria-label={`${label} is`}
        value={typed.kind}
        onChange={(event) => onChange({ ...typed, kind: event.target.value as Typed['kind'] })}
      >
        {kinds.map((kind) => (
          <option key={kind}>{kind}</option>
        ))}
      </select>
      {typed.kind !== 'null' && (
        <textarea
          aria-label={label}
          rows={rows}
          spellCheck={false}
          value={typed.text}
          onChange={(event) => onChange({ ...typed, text: event.target.value })}
        />
      )}
    </fieldset>
  );
}

/** The command writes the first of the records. While the form makes none, it shows the way. */
function commandOf(topic: string, draft: Draft): string {
  try {
    const [message] = messagesOf({ ...draft, repeat: '1' }, Date.now());
    return `echo ${quoted(lineOf(message!))} | ${rivulet('produce', topic, '--format', 'ndjson')}`;
  } catch {
    return rivulet('produce', topic, '--format', 'ndjson', '--file', 'records.ndjson');
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The line has only the fields that the message has. */
function lineOf({ key, value, headers, partition, timestamp }: Message): string {
  const bytes = (given: Message['value'] | undefined): Buffer | null =>
    given === null || given === undefined ? null : Buffer.from(given as string);
  const list = (headers as readonly { key: string; value: string }[] | undefined) ?? [];
  const whole = lineOfMessage({
    ...{ topic: '', partition: partition ?? 0, offset: 0, timestamp: timestamp ?? 0 },
    ...{ key: bytes(key), value: bytes(value) },
    headers: list.map((header) => ({ key: header.key, value: Buffer.from(header.value) })),
  });
  return whole
    .replace(/^\{"partition":(\d+),"offset":0,/, partition === undefined ? '{' : '{"partition":$1,')
    .replace(/"timestamp":(\d+),/, timestamp === undefined ? '' : '"timestamp":$1,');
}
