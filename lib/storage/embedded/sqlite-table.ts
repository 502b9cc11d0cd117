// The Table in one SQLite file: the embedded backend, one process at a time. sqlite-group.ts says how writes share commits and
// syncs. Reads run between those transactions and wait for the sync under way, so they see durable items only.
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
import { damagedItem, translating } from './sqlite-errors.ts';
import { openSqliteFile, type SqliteFileOptions } from './sqlite-file.ts';
import { SqliteGroup } from './sqlite-group.ts';
import { type Tally, tallyOf } from './sqlite-tally.ts';

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

export type SqliteTableOptions = SqliteFileOptions & { readonly path: string };

/** Makes the file and its folders when they are missing. Throws `denied` when another process has it open. */
export function createSqliteTable({ path, ...options }: SqliteTableOptions): SqliteTable {
  const file = resolve(path);
  const opened = translating(file, () => openSqliteFile(file, options));
  const { database, damagedItems } = opened;
  const tally = tallyOf(database);
  const rows = rowsOf(database, tally);
  const tokens = tokensOf(database);
  const pageOf = pagesOf(database);
  const group = new SqliteGroup(opened, file, tally);
  const turn = createTurns(readsPerTurn);
  const read = async <T>(work: () => T): Promise<T> => {
    await new Promise<void>(turn);
    const result = translating(file, work);
    await group.durable();
    return result;
  };
  return {
    damagedItems,
    async get(key) {
      checkKey(key);
      return read(() => rows.get(key));
    },
    async getMany(keys) {
      checkKeys(keys);
      // Each key takes a turn, because together the items may have many megabytes.
      const found = await Promise.all(keys.map((key) => read(() => rows.get(key))));
      return { items: found.filter((item) => item !== undefined), left: [] };
    },
    async query(query) {
      checkQuery(query);
      return read(() => pageOf(query));
    },
    async write(write) {
      checkWrite(write);
      return group.run(() => runWrite(rows, write));
    },
    async writeBoth(first, second) {
      checkWrite(first);
      checkWrite(second);
      return group.run(() => {
        const result = runWrite(rows, first);
        return { first: result, second: result.applied ? runWrite(rows, second) : undefined };
      });
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
      group.finish();
      opened.close();
    },
  };
}

// --- rows

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
