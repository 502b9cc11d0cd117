// The file of the table: made, locked, brought to today's format, checked, and closed.
//
//   item   pk, sk, body, crc   body is the other attributes as JSON (item-json.ts); sk sorts by UTF-8 bytes (BINARY);
//                              crc is that of all three
//   token  token, digest       transactions that were applied, the latest `tokensRemembered` of them
//   tally  commits, crc        one row: how many commits changed items, and the exclusive or of the crc of all items
//   user_version               2: the format of this file. Format 1 had no crc and no tally
//
// Invariant: what is opened holds every acknowledged commit, as far as mark and log know of them, or the start is refused
// (docs/adr/0012). Each start checks all of the file: what an orderly stop leaves may have been damaged before it.
import { accessSync, closeSync, constants, existsSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageError } from '../storage-error.ts';
import { type Mark, type OpenMark, openMark, readMark } from './commit-mark.ts';
import { hasCode } from './file-layer.ts';
import { checkItems, checkStructure, checksumOf, repairItems } from './sqlite-check.ts';
import { damagedTable, isBusy } from './sqlite-errors.ts';
import { type OpenLog, openDiskLog } from './sqlite-log.ts';
import { firstDamage } from './sqlite-wal.ts';
import { makeFolder } from './sync-folder.ts';

const FORMAT = 2;

const tallySchema = `
  CREATE TABLE tally (id INTEGER PRIMARY KEY, commits INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
  INSERT INTO tally (commits, crc) VALUES (0, 0);
  PRAGMA user_version = ${FORMAT};`;
const schema = `
  CREATE TABLE item (
    id INTEGER PRIMARY KEY, pk TEXT NOT NULL, sk TEXT NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL, UNIQUE (pk, sk)
  ) STRICT;
  CREATE TABLE token (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, digest TEXT NOT NULL) STRICT;
  ${tallySchema}`;

export type SqliteFile = {
  readonly database: DatabaseSync;
  readonly log: OpenLog;
  readonly mark: OpenMark;
  readonly damagedItems: readonly string[];
  close(): void;
};

export type SqliteFileOptions = {
  /** Removes the damaged items, and takes the others for all that there are. */
  readonly repair?: boolean | undefined;
  /** A test can hold or fail the syncs. */
  readonly openLog?: (path: string) => OpenLog;
};

export function openSqliteFile(file: string, options: SqliteFileOptions = {}): SqliteFile {
  const { repair = false, openLog = openDiskLog } = options;
  // SQLite syncs the file's own name.
  makeFolder(dirname(file));
  checkExists(file);
  checkWritable(file);
  checkWal(file);
  makePrivate(file);
  const database = new DatabaseSync(file);
  try {
    lock(database);
    const mark = markOf(file);
    const format = prepareFormat(database, file, mark);
    const damagedItems = format !== FORMAT ? [] : (repair ? repairItems : checkItems)(database, file);
    const commits = commitsOf(database, file, mark);
    database.exec('COMMIT');
    // From now on a COMMIT leaves the sync to us. SQLite still syncs log and table when it moves the one into the other.
    database.exec('PRAGMA synchronous = NORMAL');
    const open = { database, log: openLog(walOf(file)), mark: openMark(markPathOf(file), commits) };
    return { ...open, damagedItems, close: once(() => close(open)) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

const walOf = (file: string): string => `${file}-wal`;
const markPathOf = (file: string): string => `${file}-mark`;

// --- before it is opened

/** A directory that has a mark or a log had a table, so a table must be there. */
function checkExists(file: string): void {
  const wasMade = existsSync(markPathOf(file)) || sizeOf(walOf(file)) > 0;
  if (sizeOf(file) === 0 && wasMade) throw damagedTable(file, 'it is missing or empty');
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** SQLite would call it a disk I/O error. Also an audit needs the lock, and may have to move the log into the table. */
function checkWritable(file: string): void {
  for (const path of [dirname(file), file, walOf(file), markPathOf(file)]) {
    try {
      accessSync(path, constants.W_OK);
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) continue;
      const code = (cause as NodeJS.ErrnoException).code;
      const whatToDo = 'give this user the right to write it, or copy the folder to where it can be written';
      throw new StorageError('denied', `${path} cannot be written (${code}): ${whatToDo}`, { cause });
    }
  }
}

/** Before SQLite sees it: SQLite drops what lies behind the damage, and removes the log when it closes the table. */
function checkWal(file: string): void {
  const wal = walOf(file);
  const damage = sizeOf(wal) === 0 ? undefined : firstDamage(wal);
  if (damage === undefined) return;
  if (isInUse(file)) return; // It was read while another process wrote; the lock will say so.
  throw damagedTable(wal, `at byte ${damage}, before later commits`);
}

/** Uses a connection that cannot write, so that it leaves the log alone. */
function isInUse(file: string): boolean {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    database.prepare('SELECT 1 FROM sqlite_schema').get();
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    database.close();
    rmSync(`${file}-shm`, { force: true });
  }
}

/** SQLite gives the log the rights of the table. */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

// --- opening

/** Exclusive before WAL: the lock then lasts until close, and SQLite needs no shared memory. */
function lock(database: DatabaseSync): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('BEGIN IMMEDIATE');
}

/** Not before the lock is ours: a service that runs writes it. */
function markOf(file: string): Mark | undefined {
  const mark = readMark(markPathOf(file));
  if (mark !== 'damaged') return mark;
  throw new StorageError('corrupt', `${markPathOf(file)} is damaged: see "A damaged data folder" in docs/RUNBOOK.md`);
}

/** @returns the format that was found; 0 when there was none. */
function prepareFormat(database: DatabaseSync, file: string, mark: Mark | undefined): number {
  const found = Number(database.prepare('PRAGMA user_version').get()!.user_version);
  if (found > FORMAT) {
    const detail = `${file} has format ${found}; this version of Rivulet reads formats up to ${FORMAT}`;
    throw new StorageError('denied', detail);
  }
  if (found === 0 && mark) throw damagedTable(file, 'it has lost its format');
  if (found === 0) database.exec(schema);
  if (found === 1) fromFormat1(database, file);
  return found;
}

function fromFormat1(database: DatabaseSync, file: string): void {
  checkStructure(database, file);
  let tally = 0;
  database.function('checksum', (pk, sk, body) => {
    const crc = checksumOf({ pk: String(pk), sk: String(sk) }, String(body));
    tally ^= crc;
    return crc;
  });
  database.exec(`
    ALTER TABLE item ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
    UPDATE item SET crc = checksum(pk, sk, body);
    ${tallySchema}`);
  database.prepare('UPDATE tally SET crc = ?').run(tally >>> 0);
}

function commitsOf(database: DatabaseSync, file: string, mark: Mark | undefined): number {
  const commits = Number(database.prepare('SELECT commits FROM tally').get()?.commits);
  if (Number.isNaN(commits)) throw damagedTable(file, 'its tally is gone');
  if (mark && commits < mark.commits)
    throw damagedTable(file, `of ${mark.commits} acknowledged commits the last ${mark.commits - commits} are missing`);
  return commits;
}

// --- closing

/** SQLite moves the log into the table. */
function close({ database, log, mark }: Pick<SqliteFile, 'database' | 'log' | 'mark'>): void {
  log.close();
  if (database.isOpen) database.close();
  mark.close();
}
