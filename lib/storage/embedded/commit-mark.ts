// The mark beside the table is one line that says how many commits were acknowledged. It is written after each commit
// without a sync of its own. So it may be late but never early: a table with fewer commits than its mark has lost some.
//
//   <commits, 16 digits> <"open", padded to 32; size and CRC-32 of the table once> <CRC-32 of the line so far>
//
// The line is shorter than a disk's sector and is overwritten in place, so no crash leaves a part of it.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolder } from './sync-folder.ts';

export type Mark = { readonly commits: number };

export type OpenMark = {
  /** This does not fail, because a mark that is late still holds. */
  committed(commits: number): void;
  /** The caller does this once the table is closed. */
  close(): void;
};

const STATE_CHARACTERS = 32;
const pattern = /^((\d{16}) (?:open|\d+-[0-9a-f]{8}) *) ([0-9a-f]{8})\n$/;

/** Returns undefined when there is no mark, and 'damaged' when the file cannot be read as one. */
export function readMark(path: string): Mark | undefined | 'damaged' {
  if (!existsSync(path)) return undefined;
  const [, text, commits, checksum] = pattern.exec(readFileSync(path, 'latin1')) ?? [];
  if (text === undefined || hex(crc32(text)) !== checksum) return 'damaged';
  return { commits: Number(commits) };
}

/** A full disk has room enough for this, unless the mark is new. */
export function openMark(path: string, commits: number): OpenMark {
  if (!existsSync(path)) makeMark(path, commits);
  const file = openSync(path, 'r+');
  const write = (): void => void writeSync(file, lineOf(commits), 0);
  write();
  fsyncSync(file);
  return {
    committed(count) {
      if (count === commits) return;
      commits = count;
      try {
        write();
      } catch {
        // The commit is durable even if this fails.
      }
    },
    close() {
      try {
        fsyncSync(file);
      } catch {
        // A mark that is late still holds.
      }
      closeSync(file);
    },
  };
}

function makeMark(path: string, commits: number): void {
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  writeSync(file, lineOf(commits));
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

function lineOf(commits: number): string {
  const text = `${String(commits).padStart(16, '0')} ${'open'.padEnd(STATE_CHARACTERS)}`;
  return `${text} ${hex(crc32(text))}\n`;
}

const hex = (number: number): string => number.toString(16).padStart(8, '0');
