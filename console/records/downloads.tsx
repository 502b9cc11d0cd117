// Saves the records that the table holds, as NDJSON (which `rivulet produce --format ndjson` reads back) or as CSV.
import { lineOfMessage } from '../../cli/json-lines.ts';
import { Menu } from '../parts/menu.tsx';
import { plural } from '../parts/numbers.ts';
import type { Row } from './row.ts';
import { textOf } from './text.ts';

export function Downloads({ topic, rows }: { readonly topic: string; readonly rows: readonly Row[] }) {
  if (rows.length === 0) return null;
  return (
    <Menu
      label={`Download ${plural(rows.length, 'record')}`}
      actions={[
        { label: 'as NDJSON', act: () => save(`${topic}.ndjson`, 'application/x-ndjson', ndjsonOf(topic, rows)) },
        { label: 'as CSV', act: () => save(`${topic}.csv`, 'text/csv', csvOf(rows)) },
      ]}
    />
  );
}

const ndjsonOf = (topic: string, rows: readonly Row[]): string =>
  rows.map((row) => `${lineOfMessage({ topic, ...row })}\n`).join('');

const csvOf = (rows: readonly Row[]): string =>
  [
    'partition,offset,timestamp,key,value',
    ...rows.map(({ partition, offset, timestamp, key, value }) =>
      [partition, offset, timestamp, ...[key, value].map(cellOf)].join(','),
    ),
  ]
    .map((line) => `${line}\r\n`)
    .join('');

/**
 * Null is an empty cell, and an empty text a quoted one. A spreadsheet runs a cell that begins with one of = + - @ as a formula,
 * and records come from anybody: an apostrophe in front makes it text.
 */
function cellOf(bytes: Buffer | null): string {
  if (bytes === null) return '';
  const text = textOf(bytes);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

export function save(name: string, type: string, content: string | Uint8Array<ArrayBuffer> | Blob): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replaceAll(/[^\w.-]/g, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
