// This file makes a table with a history, with its files as they are after the table was closed and after its process
// died. It damages the files, and reports how much of the table can still be read.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteTable, type SqliteTable } from '../../../lib/storage/embedded/sqlite-table.ts';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import type { Item, Key, Write } from '../../../lib/storage/table.ts';
import type { Random } from '../../sim/core/random.ts';

/** The files by name. */
export type Files = ReadonlyMap<string, Buffer>;
/** Items by their sort keys. */
export type State = ReadonlyMap<string, Item>;

export type History = {
  readonly closed: Files;
  readonly crashed: Files;
  /** The state after each commit. The last is the state of both images. */
  readonly states: readonly State[];
  /** The mark file after each commit. */
  readonly marks: readonly Buffer[];
};

/**
 * The files are in memory where there is such a directory: these tests start hundreds of times, and each start syncs.
 */
const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const keys: readonly Key[] = Array.from({ length: 40 }, (_, i) => ({ pk: `p${i % 3}`, sk: `s${i}` }));

/** The first commits are so large that the log (WAL) started again from its beginning. */
export async function writeHistory(random: Random, commits: number): Promise<History> {
  const directory = mkdtempSync(join(folder, 'rivulet-history-'));
  const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
  for (const letter of 'abcdefghijklmn')
    await table.write({ kind: 'put', item: { ...keys[0]!, text: letter.repeat(390_000) } });
  await table.write({ kind: 'delete', key: keys[0]! });
  const states: State[] = [];
  const marks: Buffer[] = [];
  for (let commit = 0; commit < commits; commit++) {
    const writes = Array.from({ length: 1 + random.below(3) }, () => randomWrite(random, commit));
    await Promise.all(writes.map((write) => table.write(write)));
    states.push(writes.reduce(after, states.at(-1) ?? new Map()));
    marks.push(readFileSync(join(directory, 'table.sqlite-mark')));
  }
  const crashed = filesIn(directory);
  table.close();
  const closed = filesIn(directory);
  rmSync(directory, { recursive: true });
  return { closed, crashed, states, marks };
}

function randomWrite(random: Random, commit: number): Write {
  const key = random.pick(keys);
  if (random.chance(0.2)) return { kind: 'delete', key };
  return { kind: 'put', item: { ...key, n: commit, text: 'y'.repeat(random.below(900)) } };
}

function after(state: State, write: Write): State {
  const next = new Map(state);
  if (write.kind === 'put') next.set(write.item.sk, write.item);
  else if (write.kind === 'delete') next.delete(write.key.sk);
  return next;
}

export const filesIn = (directory: string): Files =>
  new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]));

// --- reading

export type Outcome = { readonly refused: string } | Read;
export type Read = { readonly items: State; readonly corrupt: ReadonlySet<string> };

export async function readAll(files: Files): Promise<Outcome> {
  const directory = folderOf(files);
  try {
    const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
    const read = await readTable(table);
    table.close();
    return read;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { refused: error.message.replaceAll(`${directory}/`, '') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A directory with these files. The caller removes it. */
export function folderOf(files: Files): string {
  const directory = mkdtempSync(join(folder, 'rivulet-damage-'));
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
  return directory;
}

async function readTable(table: SqliteTable): Promise<Read> {
  const items = new Map<string, Item>();
  const corrupt = new Set<string>();
  for (const key of keys) {
    const item = await table.get(key).catch((error) => {
      if (error.reason !== 'corrupt') throw new Error('neither a value nor corrupt', { cause: error });
      corrupt.add(key.sk);
    });
    if (item) items.set(key.sk, item);
  }
  return { items, corrupt };
}

/** Compares the outcome with the state that it should be. */
export function verdict(outcome: Outcome, state: State): 'refused' | 'corrupt' | 'right' | 'wrong' {
  if ('refused' in outcome) return 'refused';
  const { items, corrupt } = outcome;
  const isRight = ({ sk }: Key): boolean =>
    corrupt.has(sk) || JSON.stringify(items.get(sk)) === JSON.stringify(state.get(sk));
  if (!keys.every(isRight)) return 'wrong';
  return corrupt.size > 0 ? 'corrupt' : 'right';
}

// --- faults

const PAGE_BYTES = 4096;

/** The files with one fault. In a table file, the fault hits pages that are in use. */
export function withFault(random: Random, files: Files, name: string): { files: Files; fault: string } {
  const bytes = Buffer.from(files.get(name)!);
  const at = name === 'table.sqlite' ? placeInTable(random, bytes) : random.below(bytes.length);
  const kind = random.pick(['flip', 'flip', 'flip', 'zeros', 'cut', 'empty', 'missing']);
  if (kind === 'flip') bytes[at]! ^= 1 + random.below(255);
  if (kind === 'zeros') bytes.fill(0, at, Math.min(bytes.length, at + 512));
  const damaged = new Map(files);
  if (kind === 'missing') damaged.delete(name);
  else damaged.set(name, kind === 'cut' ? bytes.subarray(0, at) : kind === 'empty' ? Buffer.alloc(0) : bytes);
  return { files: damaged, fault: `${name}: ${kind} at ${at}` };
}

function placeInTable(random: Random, bytes: Buffer): number {
  for (;;) {
    const page = random.below(bytes.length / PAGE_BYTES) * PAGE_BYTES;
    // The unused space that the large item left holds one repeated letter.
    const isUsed = new Set(bytes.subarray(page + 1000, page + PAGE_BYTES)).size > 1;
    if (isUsed) return page + random.below(random.pick([100, PAGE_BYTES]));
  }
}
