// The Table in one SQLite file: the embedded backend, one process at a time. Writes that arrive in the same turn of the event
// loop share one SQL transaction and one fsync; each is still all or nothing, and is answered only after the COMMIT.
// Reads run between those transactions, so they see committed items only.
//
// Invariant: an item whose checksum is wrong is `corrupt`, never a value. sqlite-file.ts has the format.
import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { createTurns } from '../../runtime/concurrency.ts';
import { compareUtf8 } from '../key-order.ts';
import { StorageError } from '../storage-error.ts';
import { below, type Item, type ItemPage, type Key, type Query, type Table } from '../table.ts';
import {
  checkKey,
  checkKeys,
  checkQuery,
  checkTransaction,
  checkWrite,
  type Rows,
  runTransaction,
  runWrite,
  tableLimits,
} from '../table-rules.ts';
import { runOnce, type TokenStore, tokensRemembered } from '../transaction-tokens.ts';
import { decodeItem, encodeItem } from './item-json.ts';
import { checksumOf } from './sqlite-check.ts';
import { damagedItem, translating, translationOf } from './sqlite-errors.ts';
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts';

/** Some milliseconds: SQLite reads without waiting. */
const readsPerTurn = 64;

export type SqliteTable = Table & {
  /** Found at the start, which reads all of the table; what needs one of them is `corrupt`, unless they were removed. */
  readonly damagedItems: readonly string[];
  /**
   * Removes the items whose `ttl` is over, as DynamoDB does by itself. Nothing may depend on it: DynamoDB removes days late.
   * Returns how many it removed. Damaged items stay.
   */
  removeExpired(nowMs: number): Promise<number>;
  close(): void;
};

export type SqliteTableOptions = {
  readonly path: string;
  /** Removes the damaged items, and takes the others for all that there are. */
  readonly repair?: boolean;
};

/** Makes the file and its folders when they are missing. Throws `denied` when another process has it open. */
export function createSqliteTable({ path, repair }: SqliteTableOptions): SqliteTable {
  const file = resolve(path);
  const opened = translating(file, () => openSqliteFile(file, repair));
  const { database, damagedItems } = opened;
  const tally = tallyOf(database);
  const rows = rowsOf(database, tally);
  const tokens = tokensOf(database);
  const pageOf = pagesOf(database);
  const group = createGroupCommit(opened, file, tally);
  const turn = createTurns(readsPerTurn);
  return {
    damagedItems,
    async get(key) {
      checkKey(key);
      await new Promise<void>(turn);
      return translating(file, () => rows.get(key));
    },
    async getMany(keys) {
      checkKeys(keys);
      // Each key takes a turn, because together the items may have many megabytes.
      const found = await Promise.all(
        keys.map(async (key) => {
          await new Promise<void>(turn);
          return translating(file, () => rows.get(key));
        }),
      );
      return { items: found.filter((item) => item !== undefined), left: [] };
    },
    async query(query) {
      checkQuery(query);
      await new Promise<void>(turn);
      return translating(file, () => pageOf(query));
    },
    async write(write) {
      checkWrite(write);
      return group.run(() => runWrite(rows, write));
    },
    async transact(actions, token) {
      checkTransaction(actions, token);
      return group.run(() => runOnce(tokens, token, actions, () => runTransaction(rows, actions)));
    },
    async removeExpired(nowMs) {
      const isOver = below('ttl', Math.floor(nowMs / 1000));
      let removed = 0;
      for await (const key of expiring(database, turn)) {
        const remove = group.run(() => runWrite(rows, { kind: 'delete', key, if: isOver }));
        if ((await remove.catch(unlessDamaged))?.applied) removed++;
      }
      return removed;
    },
    close() {
      group.flushAll();
      opened.close();
    },
  };
}

// --- writing

/** Some milliseconds: reads and other requests come between. */
const jobsPerCommit = 128;

type Job = { readonly attempt: () => () => void; readonly reject: (error: StorageError) => void };

/** A job that throws StorageError fails alone; any other error rolls all of the group back. */
function createGroupCommit({ database, mark }: SqliteFile, file: string, tally: Tally) {
  const waiting: Job[] = [];

  function run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ attempt: () => attempt(work, resolve, reject), reject });
    });
  }

  function flush(): void {
    const jobs = waiting.splice(0, jobsPerCommit);
    if (waiting.length > 0) setImmediate(flush);
    if (jobs.length > 0) commit(jobs);
  }

  function commit(jobs: readonly Job[]): void {
    let committing = false;
    try {
      tally.begin();
      database.exec('BEGIN IMMEDIATE');
      const answers = jobs.map((job) => job.attempt());
      tally.store();
      committing = true;
      database.exec('COMMIT');
      mark.committed(tally.committed());
      for (const answer of answers) answer();
    } catch (cause) {
      rollBack(database);
      const error = translationOf(file, cause, committing);
      // Damage under one job must not fail the others.
      if (error.reason === 'corrupt' && jobs.length > 1) for (const job of jobs) commit([job]);
      else for (const { reject } of jobs) reject(error);
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

/** The value that the commit under way gives to the row `tally`. */
type Tally = {
  begin(): void;
  /** Undefined: there was none, or there is none any more. */
  replace(old: number | undefined, next: number | undefined): void;
  /** Writes the row if any item was replaced. */
  store(): void;
  /** @returns the number of commits now. */
  committed(): number;
};

type TallyRow = { readonly commits: number; readonly crc: number };

function tallyOf(database: DatabaseSync): Tally {
  const update = database.prepare('UPDATE tally SET commits = ?, crc = ?');
  let stored = database.prepare('SELECT commits, crc FROM tally').get() as TallyRow;
  let next = stored;
  return {
    begin() {
      next = stored;
    },
    replace(old = 0, crc = 0) {
      next = { commits: stored.commits + 1, crc: (next.crc ^ old ^ crc) >>> 0 };
    },
    store() {
      if (next !== stored) update.run(next.commits, next.crc);
    },
    committed() {
      stored = next;
      return stored.commits;
    },
  };
}

function rowsOf(database: DatabaseSync, tally: Tally): Rows {
  const select = database.prepare('SELECT body, crc FROM item WHERE pk = ? AND sk = ?');
  const selectCrc = database.prepare('SELECT crc FROM item WHERE pk = ? AND sk = ?');
  const upsert = database.prepare(
    `INSERT INTO item (pk, sk, body, crc) VALUES (?, ?, ?, ?)
      ON CONFLICT (pk, sk) DO UPDATE SET body = excluded.body, crc = excluded.crc`,
  );
  const remove = database.prepare('DELETE FROM item WHERE pk = ? AND sk = ?');
  const crcOf = ({ pk, sk }: Key) => selectCrc.get(pk, sk)?.crc as number | undefined;
  return {
    get(key) {
      const row = select.get(key.pk, key.sk);
      return row && itemOf(key, row);
    },
    put(item) {
      const body = encodeItem(item);
      const crc = checksumOf(item, body);
      tally.replace(crcOf(item), crc);
      upsert.run(item.pk, item.sk, body, crc);
    },
    delete(key) {
      const crc = crcOf(key);
      if (crc === undefined) return;
      tally.replace(crc, undefined);
      remove.run(key.pk, key.sk);
    },
  };
}

function itemOf(key: Key, { body, crc }: Record<string, unknown>): Item {
  if (typeof body !== 'string' || checksumOf(key, body) !== crc) throw damagedItem(key);
  return decodeItem(key, body);
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
    database.prepare(
      `SELECT sk, body, crc FROM item WHERE pk = ? AND sk >= ? AND sk <= ? ORDER BY sk ${order} LIMIT ?`,
    );
  const forward = select('ASC');
  const backward = select('DESC');
  return ({ pk, from = '', through, after, reverse = false, limit = tableLimits.pageItems }) => {
    const least = after !== undefined && !reverse && compareUtf8(after, from) > 0 ? after : from;
    const most =
      after !== undefined && reverse && (through === undefined || compareUtf8(after, through) < 0) ? after : through;
    // One more to know whether there is more, and one for `after` itself, which the bounds include.
    const found = (reverse ? backward : forward).all(pk, least, most ?? new Uint8Array(), limit + 2);
    const rows = found.filter((row) => row.sk !== after);
    const items = rows.slice(0, limit).map((row) => itemOf({ pk, sk: row.sk as string }, row));
    return { items, more: rows.length > limit };
  };
}

// --- expiring

/** An item has up to 400 KB, and a look searches all of it: this is some milliseconds of the largest ones. */
const rowsPerLook = 20;

function unlessDamaged(error: unknown): undefined {
  const isDamaged = error instanceof StorageError && error.reason === 'corrupt';
  if (!isDamaged) throw error;
}

/** Yields the keys of all items that may have a `ttl`. Requests come between the looks. */
async function* expiring(database: DatabaseSync, turn: (go: () => void) => void): AsyncGenerator<Key> {
  const select = database.prepare(
    `SELECT id, pk, sk, instr(body, '"ttl":') AS at FROM item WHERE id > ? ORDER BY id LIMIT ${rowsPerLook}`,
  );
  for (let after = 0; ; ) {
    await new Promise<void>(turn);
    const rows = select.all(after) as { id: number; pk: string; sk: string; at: number }[];
    for (const { pk, sk, at } of rows) if (at > 0) yield { pk, sk };
    if (rows.length < rowsPerLook) return;
    after = rows.at(-1)!.id;
  }
}
