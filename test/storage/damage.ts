// A table with a history, as it lies in its folder when it was closed and when its process died, and faults of a disk.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteTable, type SqliteTable } from '../../lib/storage/sqlite-table.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Item, Key, Write } from '../../lib/storage/table.ts';

export type State = ReadonlyMap<string, Item>;

export type Images = {
  /** The table's files as they were, by name. */
  readonly closed: Files;
  readonly crashed: Files;
  /** The state after each commit; the last one is that of both images. */
  readonly states: readonly State[];
};

export type Files = ReadonlyMap<string, Uint8Array>;

const keyOf = (name: string): Key => ({ pk: `p${Number(name) % 3}`, sk: `s${name}` });
const names = Array.from({ length: 40 }, (_, i) => String(i));

/** Of so many commits that the log was begun from its start again. */
export async function images(chance: () => number, commits = 60): Promise<Images> {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-images-'));
  const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
  const states: State[] = [new Map()];
  for (const letter of 'abcdefghijklmn')
    await table.write({ kind: 'put', item: { ...keyOf('0'), text: letter.repeat(390_000) } });
  await table.write({ kind: 'delete', key: keyOf('0') });
  for (let commit = 1; commit <= commits; commit++) {
    const state = new Map(states.at(-1));
    const writes = Array.from({ length: 1 + Math.floor(chance() * 3) }, () => randomWrite(chance, commit));
    await Promise.all(writes.map((write) => table.write(write)));
    for (const write of writes) apply(state, write);
    states.push(state);
  }
  const crashed = read(directory);
  table.close();
  const closed = read(directory);
  rmSync(directory, { recursive: true });
  return { closed, crashed, states };
}

function randomWrite(chance: () => number, commit: number): Write {
  const key = keyOf(names[Math.floor(chance() * names.length)]!);
  if (chance() < 0.2) return { kind: 'delete', key };
  return { kind: 'put', item: { ...key, n: commit, text: 'y'.repeat(Math.floor(chance() * 900)) } };
}

function apply(state: Map<string, Item>, write: Write): void {
  if (write.kind === 'put') state.set(write.item.sk, write.item);
  else if (write.kind === 'delete') state.delete(write.key.sk);
}

const read = (directory: string): Files =>
  new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]));

/** What came of opening the files and reading all of them. */
export type Outcome =
  | { readonly kind: 'refused'; readonly message: string }
  /** Of the items that could be read. */
  | { readonly kind: 'opened'; readonly items: State; readonly corrupt: ReadonlySet<string> };

export async function open(files: Files): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-damage-'));
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
  try {
    return await readAll(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function readAll(directory: string): Promise<Outcome> {
  let table: SqliteTable;
  try {
    table = createSqliteTable({ path: join(directory, 'table.sqlite') });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { kind: 'refused', message: error.message };
  }
  const items = new Map<string, Item>();
  const corrupt = new Set<string>();
  for (const name of names) {
    const item = await table.get(keyOf(name)).catch((error) => {
      if (error.reason !== 'corrupt') throw error;
      corrupt.add(keyOf(name).sk);
    });
    if (item) items.set(item.sk, item);
  }
  table.close();
  return { kind: 'opened', items, corrupt };
}

/** Whether each item that could be read is the one of the state. */
export function agrees({ items, corrupt }: Outcome & { kind: 'opened' }, state: State): boolean {
  return names.every((name) => {
    const { sk } = keyOf(name);
    return corrupt.has(sk) || JSON.stringify(items.get(sk)) === JSON.stringify(state.get(sk));
  });
}
