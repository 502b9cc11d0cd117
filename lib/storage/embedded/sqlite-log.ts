// SQLite's write-ahead log, synced by us. A COMMIT writes it without a sync, and the sync runs in Node's threads, so that the
// event loop serves other requests meanwhile.
//
// Invariant: a sync covers every commit that ended before it began.
import fs, { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { promisify } from 'node:util';

const fdatasync = promisify(fs.fdatasync);

export type OpenLog = {
  sync(): Promise<void>;
  /** Holds the event loop until the disk has the log. */
  syncNow(): void;
  close(): void;
};

/** SQLite keeps the file until it closes the table, so one handle serves all syncs. It locks the table and not the log. */
export function openDiskLog(path: string): OpenLog {
  const file = openSync(path, 'r+');
  let underWay = 0;
  let isClosed = false;
  return {
    async sync() {
      underWay++;
      try {
        await fdatasync(file);
      } finally {
        underWay--;
        if (isClosed) closeSync(file);
      }
    },
    syncNow: () => fdatasyncSync(file),
    close() {
      isClosed = true;
      // Otherwise the number of the handle could be given to another file before the sync begins.
      if (underWay === 0) closeSync(file);
    },
  };
}
