// Turns the errors of SQLite into StorageErrors that a person can act on: a full disk, a damaged file, no permission, or a
// second process.
import { dirname } from 'node:path';
import { StorageError } from '../storage-error.ts';
import type { Key } from '../table.ts';

// https://www.sqlite.org/rescode.html
const SQLITE_ERROR = 1; // Our statements never change: the schema has.
const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
const SQLITE_IOERR_WRITE = 778;

const damageCodes = [SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_NOTADB];

export function translating<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw translationOf(file, cause, false);
  }
}

export function translationOf(file: string, cause: unknown, committing: boolean): StorageError {
  if (cause instanceof StorageError) return cause;
  const code = codeOf(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (damageCodes.includes(code) || isTooLarge(cause)) return damagedTable(file, reason, cause);
  return new StorageError('denied', messages(file)[code & 0xff] ?? `the table in ${file} cannot be used: ${reason}`, {
    cause,
    mayHaveActed: committing && mayBeCommitted(code),
  });
}

const messages = (file: string): { readonly [code: number]: string } => ({
  [SQLITE_BUSY]: `another process is using the folder ${dirname(file)}: stop that process, or choose another folder`,
  [SQLITE_FULL]: `the disk is full: ${file} cannot grow`,
});

/**
 * A failed COMMIT is rolled back, but one that failed in its sync may lie whole in the log and come back after a crash. A
 * write that failed left the last frame incomplete, so a disk that is full is no doubt.
 */
const mayBeCommitted = (code: number): boolean =>
  code === 0 || ((code & 0xff) === SQLITE_IOERR && code !== SQLITE_IOERR_WRITE);

/** An integer beyond what JavaScript holds: none of ours. */
const isTooLarge = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ERR_OUT_OF_RANGE';

const codeOf = (cause: unknown): number => (cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : 0);

export const isBusy = (cause: unknown): boolean => codeOf(cause) === SQLITE_BUSY;

export function damagedTable(file: string, what: string, cause?: unknown): StorageError {
  const detail = `${file} is damaged (${what}): restore the folder from a copy, or see "A damaged data folder" in docs/RUNBOOK.md`;
  return new StorageError('corrupt', detail, { cause });
}

export function damagedItem({ pk, sk }: Key): StorageError {
  return new StorageError('corrupt', `the item ${pk} ${sk} is damaged: its checksum does not match`);
}
