// Commits and their syncs. The log of these tests ends each sync when the test says so.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteFile, type SqliteFile } from '../../../lib/storage/embedded/sqlite-file.ts';
import { SqliteGroup } from '../../../lib/storage/embedded/sqlite-group.ts';
import { openDiskLog } from '../../../lib/storage/embedded/sqlite-log.ts';
import { createSqliteTable } from '../../../lib/storage/embedded/sqlite-table.ts';
import { type Tally, tallyOf } from '../../../lib/storage/embedded/sqlite-tally.ts';

let root: string;
let path: string;
let opened: SqliteFile;
let tally: Tally;
let group: SqliteGroup;
/** The syncs that have begun and not ended. */
let syncs: PromiseWithResolvers<void>[];
let syncedNow: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rivulet-group-'));
  path = join(root, 'data', 'table.sqlite');
  opened = openSqliteFile(path);
  opened.database.exec('CREATE TABLE note (text TEXT NOT NULL)');
  syncs = [];
  syncedNow = 0;
  const sync = () => {
    const held = Promise.withResolvers<void>();
    syncs.push(held);
    return held.promise;
  };
  const syncNow = () => void syncedNow++;
  tally = tallyOf(opened.database);
  group = new SqliteGroup({ ...opened, log: { ...opened.log, sync, syncNow } }, path, tally);
});
afterEach(() => {
  opened.close();
  rmSync(root, { recursive: true });
});

/** A write that changes the tally, as one of items does. */
const note = (text: string): Promise<string> =>
  group.run(() => {
    opened.database.prepare('INSERT INTO note VALUES (?)').run(text);
    tally.replace(0, 0);
    return text;
  });
const notes = () =>
  opened.database
    .prepare('SELECT text FROM note')
    .all()
    .map(({ text }) => text);
const marked = () => Number(readFileSync(`${path}-mark`, 'latin1').slice(0, 16));

/** Everything that needs no sync has happened then. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  await rest();
  return (await Promise.race([promise, 'open'])) === 'open';
}

test('a write is answered, and marked, only when its commit is synced', async () => {
  const written = note('a');
  expect(await isOpen(written)).toBe(true);
  expect([notes(), syncs.length, marked()]).toEqual([['a'], 1, 0]);
  syncs[0]!.resolve();
  expect([await written, marked()]).toEqual(['a', 1]);
});

test('writes that come during a sync share the next commit, which begins after it', async () => {
  const first = note('a');
  await rest();
  const others = [note('b'), note('c')];
  await rest();
  expect([notes(), syncs.length]).toEqual([['a'], 1]);
  syncs[0]!.resolve();
  await first;
  expect(await isOpen(others[0]!)).toBe(true);
  expect([notes(), syncs.length]).toEqual([['a', 'b', 'c'], 2]);
  syncs[1]!.resolve();
  expect(await Promise.all(others)).toEqual(['b', 'c']);
});

test('a read waits for the sync of what it may have seen, and for no other', async () => {
  expect(group.durable()).toBeUndefined();
  void note('a');
  await rest();
  const durable = group.durable()!;
  expect(await isOpen(durable)).toBe(true);
  syncs[0]!.resolve();
  await durable;
  expect(group.durable()).toBeUndefined();
});

test('a sync that fails leaves the outcome open, fails the reads that wait, and closes the table', async () => {
  const written = note('a');
  await rest();
  const read = group.durable();
  const next = note('b');
  const outcomes = Promise.allSettled([written, read, next]);
  syncs[0]!.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  const [a, b, c] = await outcomes;
  expect(a).toMatchObject({ status: 'rejected', reason: { reason: 'denied', mayHaveActed: true } });
  expect(b).toMatchObject({ status: 'rejected', reason: { reason: 'denied' } });
  expect(c).toMatchObject({ status: 'rejected', reason: { reason: 'denied', mayHaveActed: false } });
  expect([opened.database.isOpen, marked()]).toEqual([false, 0]);
});

test('finish answers everything in this turn, and the sync that was under way answers nothing again', async () => {
  const answers: string[] = [];
  void note('a').then((text) => answers.push(text));
  await rest();
  void note('b').then((text) => answers.push(text));
  group.finish();
  await Promise.resolve();
  expect([answers, syncedNow, marked()]).toEqual([['a', 'b'], 2, 2]);
  syncs[0]!.resolve();
  await rest();
  expect([answers, notes(), marked()]).toEqual([['a', 'b'], ['a', 'b'], 2]);
});

test('after a power failure at any time, every write that was answered is there, and the mark fits', async () => {
  const disk = join(root, 'disk');
  const data = join(root, 'other');
  // The disk has the files as they were when the last sync that has ended began.
  const sync = async () => {
    cpSync(data, `${disk}-next`, { recursive: true });
    await rest();
    cpSync(`${disk}-next`, disk, { recursive: true });
  };
  const table = createSqliteTable({
    path: join(data, 'table.sqlite'),
    openLog: (log) => ({ ...openDiskLog(log), sync }),
  });
  cpSync(data, disk, { recursive: true });
  for (let n = 1; n <= 20; n++) {
    const written = Promise.all([0, 1, 2].map((i) => table.write({ kind: 'put', item: { pk: `${n}`, sk: `${i}` } })));
    await (n % 2 === 0 ? written : rest());
    const after = join(root, `after-${n}`);
    cpSync(disk, after, { recursive: true });
    cpSync(join(data, 'table.sqlite-mark'), join(after, 'table.sqlite-mark'));
    const found = createSqliteTable({ path: join(after, 'table.sqlite') });
    const counts = await Promise.all(Array.from({ length: n }, (_, i) => found.query({ pk: `${i + 1}` })));
    found.close();
    const answered = n % 2 === 0 ? n : n - 1;
    expect(counts.map(({ items }) => items.length).slice(0, answered)).toEqual(new Array(answered).fill(3));
    expect([0, 3]).toContain(counts.at(-1)!.items.length);
    await written;
  }
  table.close();
});
