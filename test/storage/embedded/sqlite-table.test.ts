import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSqliteTable, type SqliteTable } from '../../../lib/storage/embedded/sqlite-table.ts';
import type { Write } from '../../../lib/storage/table.ts';
import { tokensRemembered } from '../../../lib/storage/transaction-tokens.ts';

let directory: string;
let path: string;
let open: SqliteTable[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rivulet-sqlite-'));
  path = join(directory, 'made', 'at need', 'table.sqlite');
  open = [];
});
afterEach(() => {
  for (const table of open) table.close();
  rmSync(directory, { recursive: true });
});

function openTable() {
  const table = createSqliteTable({ path });
  open.push(table);
  return table;
}

/** Another process that has this table open as `table`. The shell runs `before` first. */
function runScript(before: string, body: string) {
  const module = new URL('../../../lib/storage/embedded/sqlite-table.ts', import.meta.url).href;
  const source = `import { createSqliteTable } from ${JSON.stringify(module)};
    const table = createSqliteTable({ path: ${JSON.stringify(path)} });
    ${body}`;
  const shell = ['-c', `${before} exec "$0" "$@"`, process.execPath, '--input-type=module', '-e', source];
  return spawn('/bin/sh', shell, { stdio: ['ignore', 'pipe', 'inherit'] });
}

const key = { pk: 'p', sk: 's' };
const add: Write = { kind: 'update', key, update: { add: [['n', 1]] } };

test('items, bytes and tokens outlive the process', async () => {
  const first = openTable();
  const item = {
    ...key,
    n: 1,
    bytes: Uint8Array.of(0, 255),
    list: ['', Uint8Array.of()],
    map: { e: Uint8Array.of(7), s: '{"":"x"}' },
  };
  await first.write({ kind: 'put', item });
  await first.transact([add], 'token');
  first.close();
  const second = openTable();
  expect(await second.get(key)).toEqual({ ...item, n: 2 });
  expect(await second.transact([add], 'token')).toEqual({ applied: true });
  expect(await second.get(key)).toMatchObject({ n: 2 });
});

test('close finishes every call that was made before it', async () => {
  const table = openTable();
  const written = table.write(add);
  table.close();
  expect(await written).toEqual({ applied: true, item: { ...key, n: 1 } });
  expect(await openTable().get(key)).toEqual({ ...key, n: 1 });
});

test('after close every call is denied', async () => {
  const table = createSqliteTable({ path });
  table.close();
  const denied = { name: 'StorageError', reason: 'denied', mayHaveActed: false };
  await expect(table.get(key)).rejects.toMatchObject(denied);
  await expect(table.query({ pk: 'p' })).rejects.toMatchObject(denied);
  await expect(table.write(add)).rejects.toMatchObject(denied);
});

test('a second process that opens the table gets an error that names the first, and does no harm', async () => {
  const first = openTable();
  await first.write(add);
  expect(() => createSqliteTable({ path })).toThrow(
    `another process is using the folder ${join(directory, 'made', 'at need')}`,
  );
  await first.write(add);
  first.close();
  expect(await openTable().get(key)).toMatchObject({ n: 2 });
});

test('writes that another process acknowledged before it was killed are there, and its lock is gone', async () => {
  const child = runScript(
    '',
    `for (;;) {
      const { item } = await table.write(${JSON.stringify(add)});
      process.stdout.write(item.n + '\\n');
    }`,
  );
  let told = '';
  child.stdout.on('data', (data) => {
    told += data;
    if (told.length > 200) child.kill('SIGKILL');
  });
  await once(child, 'close');
  const acknowledged = Number(told.trim().split('\n').at(-1));
  expect(acknowledged).toBeGreaterThan(20);
  const { n } = (await openTable().get(key))!;
  expect(n).toBeGreaterThanOrEqual(acknowledged);
});

test('writes of one turn share one commit, and a write that fails leaves the others alone', async () => {
  const table = openTable();
  const order: string[] = [];
  const told = (name: string) => (outcome: unknown) => {
    order.push(name);
    return outcome;
  };
  const [first, misfit, refused, last, read] = await Promise.all([
    table.write(add).then(told('first')),
    table.write({ kind: 'update', key, update: { trim: [['n', 1]] } }).catch(told('misfit')),
    table.write({ ...add, if: { test: 'equals', path: 'n', value: 7 } }).then(told('refused')),
    table.write(add).then(told('last')),
    table.get(key).then(told('read')),
  ]);
  expect(first).toMatchObject({ applied: true, item: { n: 1 } });
  expect(misfit).toMatchObject({ reason: 'invalid' });
  expect(refused).toMatchObject({ applied: false, old: { n: 1 } });
  expect(last).toMatchObject({ applied: true, item: { n: 2 } });
  // The read ran before the commit, so it shows nothing of the commit.
  expect(read).toBeUndefined();
  expect(order).toEqual(['read', 'first', 'misfit', 'refused', 'last']);
});

test('both writes of a pair are done, or only the first, and others of the commit go on', async () => {
  const table = openTable();
  const other = { pk: 'p', sk: 'other' };
  const put: Write = { kind: 'put', item: { ...other, v: 1 }, if: { test: 'absent', path: 'v' } };
  const refused: Write = { ...add, if: { test: 'equals', path: 'n', value: 7 } };
  const misfit: Write = { kind: 'update', key, update: { trim: [['n', 1]] } };
  const pair = (sk: string, second: Write) => table.writeBoth!({ ...put, item: { ...put.item, sk } }, second);
  const outcomes = await Promise.allSettled([
    pair('a', add),
    pair('a', add),
    pair('b', refused),
    pair('c', misfit),
    table.write(add),
  ]);
  expect(outcomes).toMatchObject([
    { value: { first: { applied: true }, second: { applied: true, item: { n: 1 } } } },
    { value: { first: { applied: false, old: { sk: 'a' } }, second: undefined } },
    { value: { first: { applied: true }, second: { applied: false, old: { n: 1 } } } },
    { reason: { reason: 'invalid' } },
    { value: { applied: true, item: { n: 2 } } },
  ]);
  expect(await table.get({ pk: 'p', sk: 'b' })).toMatchObject({ v: 1 });
});

test('after kill -9 both writes of a pair are there, or none', async () => {
  const child = runScript(
    '',
    `for (let n = 1; ; n++) {
      const pairs = [0, 1, 2].map((i) => table.writeBoth({ kind: 'put', item: { pk: 'items', sk: n + '/' + i } }, ${JSON.stringify(add)}));
      await Promise.all(pairs);
      process.stdout.write(n + '\\n');
    }`,
  );
  let told = '';
  child.stdout.on('data', (data) => {
    told += data;
    if (told.length > 60) child.kill('SIGKILL');
  });
  await once(child, 'close');
  const acknowledged = Number(told.trim().split('\n').at(-1));
  const table = openTable();
  const n = (await table.get(key))!.n as number;
  expect(n).toBeGreaterThanOrEqual(3 * acknowledged);
  expect((await table.query({ pk: 'items' })).items).toHaveLength(n);
});

test('when no more can be written, the whole group is denied and rolled back', async () => {
  // The shell's limit on the size of a file stands in for a full disk.
  const child = runScript(
    'ulimit -f 2000;',
    `for (let n = 0; ; n++) {
      const small = table.write({ kind: 'put', item: { pk: 'p', sk: 'small ' + n } });
      const large = table.write({ kind: 'put', item: { pk: 'p', sk: 'large ' + n, text: 'x'.repeat(300_000) } });
      const outcomes = await Promise.allSettled([small, large]);
      if (outcomes[0].status === 'fulfilled') continue;
      const { items } = await table.query({ pk: 'p' });
      const reasons = outcomes.map(({ reason }) => reason.reason);
      console.log(JSON.stringify({ groups: n, reasons, items: items.length }));
      process.exit();
    }`,
  );
  let told = '';
  child.stdout.on('data', (data) => {
    told += data;
  });
  await once(child, 'close');
  const { groups, reasons, items } = JSON.parse(told);
  expect(groups).toBeGreaterThan(0);
  expect(reasons).toEqual(['denied', 'denied']);
  expect(items).toBe(groups * 2);
  expect((await openTable().query({ pk: 'p' })).items).toHaveLength(groups * 2);
});

test('a file that is not a table is refused with its name', () => {
  const other = join(directory, 'other.sqlite');
  writeFileSync(other, 'this is not a database, but it is long enough to be taken for one'.repeat(20));
  expect(() => createSqliteTable({ path: other })).toThrow(
    /other\.sqlite is damaged \(file is not a database\): restore the folder/,
  );
  expect(existsSync(`${other}-wal`)).toBe(false);
});

test('a table of format 1 is taken over with everything in it, and checked from then on', async () => {
  mkdirSync(dirname(path), { recursive: true });
  const before = new DatabaseSync(path);
  before.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE item (
      id INTEGER PRIMARY KEY, pk TEXT NOT NULL, sk TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (pk, sk)
    ) STRICT;
    CREATE TABLE token (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, digest TEXT NOT NULL) STRICT;
    INSERT INTO item (pk, sk, body) VALUES ('p', 's', '{"n":41}'), ('p', 't', '{"b":{"":"/w=="}}');
    PRAGMA user_version = 1`);
  before.close();
  const first = openTable();
  expect(await first.write(add)).toEqual({ applied: true, item: { ...key, n: 42 } });
  first.close();
  const second = openTable();
  expect(second.damagedItems).toEqual([]);
  expect(await second.query({ pk: 'p' })).toEqual({
    items: [
      { ...key, n: 42 },
      { pk: 'p', sk: 't', b: Uint8Array.of(255) },
    ],
    more: false,
  });
});

test('a damaged page fails the write that needs it, and no other write of the same commit', async () => {
  const table = openTable();
  const keyOf = (n: number) => ({ pk: 'p', sk: String(n).padStart(5, '0') });
  const put = (n: number): Write => ({ kind: 'put', item: { ...keyOf(n), text: 'x'.repeat(900) } });
  // This is more than SQLite keeps in memory, and then the log starts again, so that pages are read from the file.
  await Promise.all(Array.from({ length: 4_000 }, (_, n) => table.write(put(n))));
  await table.write(put(4_000));
  const bytes = readFileSync(path);
  const at = bytes.indexOf('00010{"text"');
  const page = at - (at % 4096);
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096), 0, 4096, page);
  closeSync(file);
  const [damaged, other] = await Promise.allSettled([10, 3_999].map((n) => table.write(put(n))));
  expect(damaged).toMatchObject({ status: 'rejected', reason: { reason: 'corrupt', mayHaveActed: false } });
  expect(other).toMatchObject({ status: 'fulfilled', value: { applied: true } });
});

test('a file of a newer format is refused', () => {
  openTable().close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 3');
  database.close();
  expect(() => createSqliteTable({ path })).toThrow('has format 3; this version of Rivulet reads formats up to 2');
});

test('the table remembers a bounded number of tokens', async () => {
  const table = openTable();
  const puts = Array.from({ length: tokensRemembered + 5 }, (_, index) =>
    table.transact([{ kind: 'delete', key: { pk: 'p', sk: `${index}` } }], `t${index}`),
  );
  await Promise.all(puts);
  table.close();
  const database = new DatabaseSync(path);
  expect(database.prepare('SELECT count(*) AS count FROM token').get()).toEqual({ count: tokensRemembered });
  database.close();
});

test('items whose time to live is over are removed, and no others', async () => {
  const table = openTable();
  const put = (sk: string, more: object) => table.write({ kind: 'put', item: { pk: 'p', sk, ...more } });
  for (let i = 0; i < 1_500; i++) await put(`plain${i}`, { v: 1 });
  await put('over', { ttl: 9 });
  await put('later', { ttl: 11 });
  await put('text', { note: '"ttl":9' });
  await put('map', { inner: { ttl: 9 } });
  expect(await table.removeExpired(10_000)).toBe(1);
  const left = await Promise.all(['over', 'later', 'text', 'map', 'plain0'].map((sk) => table.get({ pk: 'p', sk })));
  expect(left.map((item) => item !== undefined)).toEqual([false, true, true, true, true]);
  expect(await table.removeExpired(10_000)).toBe(0);
});

test('an item that was given more time since it was read stays', async () => {
  const table = openTable();
  const key = { pk: 'p', sk: 's' };
  await table.write({ kind: 'put', item: { ...key, ttl: 9 } });
  const renewed = table.write({ kind: 'update', key, update: { set: [['ttl', 99]] } });
  const [removed] = await Promise.all([table.removeExpired(10_000), renewed]);
  expect(removed).toBe(0);
  expect(await table.get(key)).toMatchObject({ ttl: 99 });
});

test('a damaged item keeps no other from being removed', async () => {
  const first = openTable();
  for (const sk of ['damaged', 'over']) await first.write({ kind: 'put', item: { pk: 'p', sk, ttl: 9 } });
  first.close();
  open = [];
  const database = new DatabaseSync(path);
  database.exec("UPDATE item SET crc = (crc + 1) % 1000 WHERE sk = 'damaged'");
  database.close();
  const table = openTable();
  expect(await table.removeExpired(10_000)).toBe(1);
  expect(await table.get({ pk: 'p', sk: 'over' })).toBeUndefined();
  await expect(table.get({ pk: 'p', sk: 'damaged' })).rejects.toMatchObject({ reason: 'corrupt' });
});
