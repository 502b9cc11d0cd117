// Writes that arrive in the same turn of the event loop share one SQL transaction and one sync of the log. Each is still all
// or nothing, and is answered only after the sync.
//
// Invariants: at most one commit is not durable. The next one begins after its sync, so a power failure can tear only the last
// commit of the log (sqlite-wal.ts relies on it). Reads wait for the sync under way.
import type { DatabaseSync } from 'node:sqlite';
import { StorageError } from '../storage-error.ts';
import { translationOf } from './sqlite-errors.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { Tally } from './sqlite-tally.ts';

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

export class SqliteGroup {
  readonly #file: SqliteFile;
  readonly #path: string;
  readonly #tally: Tally;
  readonly #waiting: Job[] = [];
  #unsynced: Unsynced | undefined;
  #isDue = false;

  constructor(file: SqliteFile, path: string, tally: Tally) {
    this.#file = file;
    this.#path = path;
    this.#tally = tally;
  }

  /** Does the work in the next commit. A StorageError of the work fails it alone. Any other error fails all of the commit. */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ attempt: () => attempt(work, resolve, reject), reject });
      this.#flushSoon();
    });
  }

  /** Waits until everything that a read can see now is durable. */
  durable(): Promise<void> | undefined {
    return this.#unsynced?.durable.promise;
  }

  /** Commits, syncs and answers everything that waits, without a turn of the event loop. */
  finish(): void {
    this.#syncNow();
    while (this.#waiting.length > 0) this.#commitNow(this.#waiting.splice(0, jobsPerCommit));
  }

  #flushSoon(): void {
    if (this.#isDue || this.#unsynced || this.#waiting.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (!this.#unsynced) void this.#flush().then(() => this.#flushSoon());
    });
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    this.#commit(this.#waiting.splice(0, jobsPerCommit));
    const begun = this.#unsynced;
    if (!begun) return;
    try {
      await this.#file.log.sync();
    } catch (cause) {
      this.#fail(begun, cause);
    }
    this.#settle(begun);
  }

  /** A commit that succeeds is `#unsynced` then. */
  #commit(jobs: readonly Job[]): void {
    const { database } = this.#file;
    let committing = false;
    try {
      this.#tally.begin();
      database.exec('BEGIN IMMEDIATE');
      const answers = jobs.map((job) => job.attempt());
      this.#tally.store();
      committing = true;
      database.exec('COMMIT');
      this.#unsynced = { jobs, answers, commits: this.#tally.committed(), durable: Promise.withResolvers() };
    } catch (cause) {
      rollBack(database);
      const error = translationOf(this.#path, cause, committing);
      // Damage under one job must not fail the others.
      if (error.reason === 'corrupt' && jobs.length > 1) for (const job of jobs) this.#commitNow([job]);
      else for (const { reject } of jobs) reject(error);
    }
  }

  #commitNow(jobs: readonly Job[]): void {
    this.#commit(jobs);
    this.#syncNow();
  }

  #syncNow(): void {
    const begun = this.#unsynced;
    if (!begun) return;
    try {
      this.#file.log.syncNow();
    } catch (cause) {
      this.#fail(begun, cause);
    }
    this.#settle(begun);
  }

  /** Does nothing if finish() has settled the commit, or if its sync has failed. */
  #settle(begun: Unsynced): void {
    if (this.#unsynced !== begun) return;
    this.#unsynced = undefined;
    this.#file.mark.committed(begun.commits);
    for (const answer of begun.answers) answer();
    begun.durable.resolve();
  }

  /**
   * A failed sync is reported once, and a second one would say nothing about these bytes. They are in the table already, so it
   * is closed: from then on everything is denied.
   */
  #fail(begun: Unsynced, cause: unknown): void {
    if (this.#unsynced !== begun) return;
    this.#unsynced = undefined;
    closeQuietly(this.#file.database);
    const error = translationOf(this.#path, cause, true);
    for (const { reject } of begun.jobs) reject(error);
    begun.durable.promise.catch(() => undefined);
    begun.durable.reject(error);
  }
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
