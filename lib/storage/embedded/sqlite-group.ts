// Writes that arrive in the same turn of the event loop share one SQL transaction and one sync of the log. Each is still all
// or nothing, and is answered only after the sync.
//
// Invariants: at most one commit is not durable. The next one begins after its sync, so a power failure can tear only the last
// commit of the log (sqlite-wal.ts relies on that). What is not durable is shown to nobody: reads wait for it.
import type { DatabaseSync } from 'node:sqlite';
import { StorageError } from '../storage-error.ts';
import { translationOf } from './sqlite-errors.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { Tally } from './sqlite-tally.ts';

export type SqliteGroup = {
  /** Does the work in the next commit. A StorageError of the work fails it alone. Any other error fails all of the commit. */
  run<T>(work: () => T): Promise<T>;
  /** Waits until everything that a read can see now is durable. */
  durable(): Promise<void> | undefined;
  /** Commits, syncs and answers everything that waits, without a turn of the event loop. */
  finish(): void;
};

/** Some milliseconds: reads and other requests come between. */
const jobsPerCommit = 128;

type Job = { readonly attempt: () => () => void; readonly reject: (error: StorageError) => void };

/** A commit that is not durable yet. */
type Unsynced = {
  readonly jobs: readonly Job[];
  readonly answers: readonly (() => void)[];
  readonly commits: number;
  readonly durable: PromiseWithResolvers<void>;
};

export function createSqliteGroup({ database, log, mark }: SqliteFile, file: string, tally: Tally): SqliteGroup {
  const waiting: Job[] = [];
  let unsynced: Unsynced | undefined;
  let isDue = false;

  function run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      waiting.push({ attempt: () => attempt(work, resolve, reject), reject });
      flushSoon();
    });
  }

  function flushSoon(): void {
    if (isDue || unsynced || waiting.length === 0) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      if (!unsynced) flush();
    });
  }

  function flush(): void {
    commit(waiting.splice(0, jobsPerCommit));
    const begun = unsynced;
    if (!begun) return flushSoon();
    const synced = log.sync().then(
      () => settle(begun),
      (cause) => fail(begun, cause),
    );
    void synced.then(flushSoon);
  }

  /** Commits. What succeeds is `unsynced` then. */
  function commit(jobs: readonly Job[]): void {
    let committing = false;
    try {
      tally.begin();
      database.exec('BEGIN IMMEDIATE');
      const answers = jobs.map((job) => job.attempt());
      tally.store();
      committing = true;
      database.exec('COMMIT');
      unsynced = { jobs, answers, commits: tally.committed(), durable: Promise.withResolvers() };
    } catch (cause) {
      rollBack(database);
      const error = translationOf(file, cause, committing);
      // Damage under one job must not fail the others.
      if (error.reason === 'corrupt' && jobs.length > 1) for (const job of jobs) commitNow([job]);
      else for (const { reject } of jobs) reject(error);
    }
  }

  function commitNow(jobs: readonly Job[]): void {
    commit(jobs);
    syncNow();
  }

  function syncNow(): void {
    const begun = unsynced;
    if (!begun) return;
    try {
      log.syncNow();
    } catch (cause) {
      fail(begun, cause);
    }
    settle(begun);
  }

  function settle(begun: Unsynced): void {
    if (unsynced !== begun) return;
    unsynced = undefined;
    mark.committed(begun.commits);
    for (const answer of begun.answers) answer();
    begun.durable.resolve();
  }

  /**
   * A failed sync is reported once, and a second one would say nothing about these bytes. They are in the table already, so it
   * is closed: from then on everything is denied.
   */
  function fail(begun: Unsynced, cause: unknown): void {
    if (unsynced !== begun) return;
    unsynced = undefined;
    closeQuietly(database);
    const error = translationOf(file, cause, true);
    for (const { reject } of begun.jobs) reject(error);
    begun.durable.promise.catch(() => undefined);
    begun.durable.reject(error);
  }

  function finish(): void {
    syncNow();
    while (waiting.length > 0) commitNow(waiting.splice(0, jobsPerCommit));
  }

  return { run, durable: () => unsynced?.durable.promise, finish };
}

/** Reads must never see what was not committed: a database that cannot roll back is closed. */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
  } catch {
    closeQuietly(database); // from then on everything is denied
  }
}

function closeQuietly(database: DatabaseSync): void {
  try {
    database.close();
  } catch {
    // It was closed before.
  }
}

/** Does the work; what it returns gives the answer, to be called after the sync. */
function attempt<T>(work: () => T, resolve: (result: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const result = work();
    return () => resolve(result);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return () => reject(error);
  }
}
