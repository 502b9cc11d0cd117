// The row `tally` of the table: how many commits have changed items, and the exclusive or of the checksums of all items. A
// start compares it with the items (docs/adr/0012).
import type { DatabaseSync } from 'node:sqlite';

/** The value that the commit under way gives to the row. */
export type Tally = {
  begin(): void;
  /** Undefined: there was none, or there is none any more. */
  replace(old: number | undefined, next: number | undefined): void;
  /** Writes the row if any item was replaced. */
  store(): void;
  /** @returns the number of commits now. */
  committed(): number;
};

type TallyRow = { readonly commits: number; readonly crc: number };

export function tallyOf(database: DatabaseSync): Tally {
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
