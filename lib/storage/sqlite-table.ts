// The Table in one SQLite file: the embedded home, one process at a time. Writes that arrive in the same turn of the event
// loop share one SQL transaction and one fsync; each is still all or nothing, and is answered only after the COMMIT.
// Reads run between those transactions, so they see committed items only.
//
//   item   pk, sk, body     body is the other attributes as JSON (item-json.ts); sk sorts by UTF-8 bytes (BINARY)
//   token  token, digest    transactions that were applied, the latest `tokensRemembered` of them
//   user_version            1: the format of this file
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTurns } from '../concurrency.ts';
import { hasCode } from './file-layer.ts';
import { decodeItem, encodeItem } from './item-json.ts';
import { compareUtf8 } from './key-order.ts';
import { StorageError } from './storage-error.ts';
import type { Item, ItemPage, Query, Table } from './table.ts';
import {
  checkKey,
  checkQuery,
  checkTransaction,
  checkWrite,
  type Rows,
  runTransaction,
  runWrite,
  tableLimits,
} from './table-rules.ts';
import { runOnce, type TokenStore, tokensRemembered } from './transaction-tokens.ts';

const FORMAT = 1;
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/** Some milliseconds: SQLite reads without waiting. */
const readsPerTurn = 64;

const schema = `
  CREATE TABLE item (
    id INTEGER PRIMARY KEY, pk TEXT NOT NULL, sk TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (pk, sk)
  ) STRICT;
  CREATE TABLE token (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, digest TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${FORMAT};`;

/** Makes the file and its folders when they are missing. Throws `denied` when another process has it open. */
export function createSqliteTable({ path }: { path: string }): Table & { close(): void } {
  const file = resolve(path);
  const database = orDenied(file, () => openDatabase(file));
  const rows = rowsOf(database);
  const tokens = tokensOf(database);
  const pageOf = pagesOf(database);
  const group = createGroupCommit(database, file);
  const turn = createTurns(readsPerTurn);
  return {
    async get(key) {
      checkKey(key);
      await new Promise<void>(turn);
      return orDenied(file, () => rows.get(key));
    },
    async query(query) {
      checkQuery(query);
      await new Promise<void>(turn);
      return orDenied(file, () => pageOf(query));
    },
    async write(write) {
      checkWrite(write);
      return group.run(() => runWrite(rows, write));
    },
    async transact(actions, token) {
      checkTransaction(actions, token);
      return group.run(() => runOnce(tokens, token, actions, () => runTransaction(rows, actions)));
    },
    close() {
      group.flushAll();
      if (database.isOpen) database.close();
    },
  };
}

// --- opening

function openDatabase(file: string): DatabaseSync {
  makeFolder(dirname(file));
  const database = new DatabaseSync(file);
  try {
    // Exclusive before WAL: the lock then lasts until close, and SQLite needs no shared memory.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec('BEGIN IMMEDIATE');
    prepareFormat(database, file);
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepareFormat(database: DatabaseSync, file: string): void {
  const found = Number(database.prepare('PRAGMA user_version').get()!.user_version);
  if (found === 0) database.exec(schema);
  else if (found !== FORMAT) {
    throw new StorageError('denied', `${file} has format ${found}; this version of Rivulet reads format ${FORMAT}`);
  }
}

/** SQLite syncs the file's own name; the folders above are ours to sync. What we may not open we did not make. */
function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (process.platform === 'win32') return;
  for (let child = folder; dirname(child) !== child; child = dirname(child)) {
    try {
      syncFolder(dirname(child));
    } catch (error) {
      if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    }
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

// --- writing

/** Some milliseconds: reads and other requests come between. */
const jobsPerCommit = 128;

type Job = { readonly attempt: () => () => void; readonly reject: (error: StorageError) => void };

/** A job that throws StorageError fails alone; any other error rolls all of the group back. */
function createGroupCommit(database: DatabaseSync, file: string) {
  const waiting: Job[] = [];

  function run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ attempt: () => attempt(work, resolve, reject), reject });
    });
  }

  function flush(): void {
    const jobs = waiting.splice(0, jobsPerCommit);
    if (jobs.length === 0) return;
    if (waiting.length > 0) setImmediate(flush);
    let committing = false;
    try {
      database.exec('BEGIN IMMEDIATE');
      const answers = jobs.map((job) => job.attempt());
      committing = true;
      database.exec('COMMIT');
      for (const answer of answers) answer();
    } catch (cause) {
      for (const { reject } of jobs) reject(denied(file, cause, committing));
      rollBack(database);
    }
  }

  function flushAll(): void {
    while (waiting.length > 0) flush();
  }

  return { run, flushAll };
}

/** Reads must never see what was not committed: a database that cannot roll back is closed. */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
  } catch {
    database.close(); // from then on everything is denied
  }
}

/** Does the work; what it returns gives the answer, to be called after the COMMIT. */
function attempt<T>(work: () => T, resolve: (result: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const result = work();
    return () => resolve(result);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return () => reject(error);
  }
}

function rowsOf(database: DatabaseSync): Rows {
  const select = database.prepare('SELECT body FROM item WHERE pk = ? AND sk = ?');
  const upsert = database.prepare(
    'INSERT INTO item (pk, sk, body) VALUES (?, ?, ?) ON CONFLICT (pk, sk) DO UPDATE SET body = excluded.body',
  );
  const remove = database.prepare('DELETE FROM item WHERE pk = ? AND sk = ?');
  return {
    get(key) {
      const row = select.get(key.pk, key.sk);
      return row && decodeItem(key, row.body as string);
    },
    put(item) {
      upsert.run(item.pk, item.sk, encodeItem(item));
    },
    delete(key) {
      remove.run(key.pk, key.sk);
    },
  };
}

function tokensOf(database: DatabaseSync): TokenStore {
  const select = database.prepare('SELECT digest FROM token WHERE token = ?');
  const insert = database.prepare('INSERT INTO token (token, digest) VALUES (?, ?)');
  const forget = database.prepare('DELETE FROM token WHERE id <= ?');
  return {
    get: (token) => select.get(token)?.digest as string | undefined,
    put(token, digest) {
      const { lastInsertRowid } = insert.run(token, digest);
      forget.run(Number(lastInsertRowid) - tokensRemembered);
    },
  };
}

// --- reading

function pagesOf(database: DatabaseSync): (query: Query) => ItemPage {
  // An empty blob sorts behind every text: no upper bound.
  const select = (order: string) =>
    database.prepare(`SELECT sk, body FROM item WHERE pk = ? AND sk >= ? AND sk <= ? ORDER BY sk ${order} LIMIT ?`);
  const forward = select('ASC');
  const backward = select('DESC');
  return ({ pk, from = '', through, after, reverse = false, limit = tableLimits.pageItems }) => {
    const least = after !== undefined && !reverse && compareUtf8(after, from) > 0 ? after : from;
    const most =
      after !== undefined && reverse && (through === undefined || compareUtf8(after, through) < 0) ? after : through;
    // One more to know whether there is more, and one for `after` itself, which the bounds include.
    const found = (reverse ? backward : forward).all(pk, least, most ?? new Uint8Array(), limit + 2);
    const rows = found.filter((row) => row.sk !== after);
    const items: Item[] = rows
      .slice(0, limit)
      .map((row) => decodeItem({ pk, sk: row.sk as string }, row.body as string));
    return { items, more: rows.length > limit };
  };
}

// --- errors

function orDenied<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw denied(file, cause, false);
  }
}

/** Whatever SQLite refuses, a person must mend: a full disk, a damaged file, no permission, a second process. */
function denied(file: string, cause: unknown, mayHaveActed: boolean): StorageError {
  if (cause instanceof StorageError) return cause;
  const code = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : undefined;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const messages: { readonly [code: number]: string } = {
    [SQLITE_BUSY]: `another process is using the folder ${dirname(file)}`,
    [SQLITE_FULL]: `the disk is full: ${file} cannot grow`,
  };
  return new StorageError('denied', messages[code ?? 0] ?? `the table in ${file} cannot be used: ${reason}`, {
    cause,
    mayHaveActed,
  });
}
