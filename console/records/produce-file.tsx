// Writes the lines of a file: each line is a value, or a record as JSON. A wrong line is named, and nothing of the file is written.
import { type FormEvent, useState } from 'react';
import { messageOfLine } from '../../cli/json-lines.ts';
import type { Message } from '../../client/message.ts';
import type { RecordMetadata } from '../../client/record-metadata.ts';
import { rivulet } from '../data/command-lines.ts';
import { Command } from '../parts/copy.tsx';
import { Field } from '../parts/field.tsx';
import { Problem } from '../parts/problem.tsx';
import { Placed } from './produce-form.tsx';
import { send } from './send.ts';

const mostBytes = 64 * 1024 * 1024;

type State = { readonly busy?: boolean; readonly error?: unknown; readonly placed?: readonly RecordMetadata[] };

export function ProduceFile({ topic }: { readonly topic: string }) {
  const [state, setState] = useState<State>({});
  const [format, setFormat] = useState('lines');
  const [file, setFile] = useState<File>();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (!file) return;
    setState({ busy: true });
    try {
      setState({ placed: await send(topic, await messagesOf(file, format)) });
    } catch (error) {
      setState({ error });
    }
  };
  return (
    <details>
      <summary>From a file</summary>
      <form className="stack" onSubmit={(event) => void submit(event)} aria-label="Produce a file">
        <div className="filters">
          <Field label="File">
            <input type="file" required onChange={(event) => setFile(event.target.files?.[0])} />
          </Field>
          <Field label="A line is">
            <select value={format} onChange={(event) => setFormat(event.target.value)}>
              <option value="lines">a value</option>
              <option value="ndjson">a record as JSON</option>
            </select>
          </Field>
          <button type="submit" className="main" disabled={state.busy ?? false}>
            {state.busy ? 'Writing ...' : 'Produce the file'}
          </button>
        </div>
        <Problem error={state.error} />
        {state.placed && <Placed placed={state.placed} />}
        <Command line={rivulet('produce', topic, '--format', format, '--file', file?.name ?? 'records.txt')} />
      </form>
    </details>
  );
}

async function messagesOf(file: File, format: string): Promise<Message[]> {
  if (file.size > mostBytes)
    throw new Error(`file: expected at most ${mostBytes} bytes, got ${file.size}: use the command below`);
  const lines = (await file.text()).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (format === 'lines') return lines.map((value) => ({ value }));
  return lines.flatMap((line, at) => {
    if (line.trim() === '') return [];
    try {
      return [messageOfLine(Buffer.from(line))];
    } catch (error) {
      throw new Error(`line ${at + 1}: ${(error as Error).message}`);
    }
  });
}
