// The mark beside the table: one line that says how many commits were acknowledged, and, once the table was closed, which
// bytes it then had. It is written after each commit without a sync of its own, so it may be late, never early: a table
// with fewer commits than its mark has lost some.
//
//   <commits, 16 digits> <"open", or the table's size and CRC-32> <CRC-32 of the line so far>
//
// The line is shorter than a disk's sector and is written in its place, so no crash leaves a part of it.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolder } from './sync-folder.ts';

export type Mark = {
  readonly commits: number;
  /** Of the closed table; undefined while it is open, and after a crash. */
  readonly seal: string | undefined;
};

export type OpenMark = {
  /** Does not fail: a mark that is late still holds. */
  committed(commits: number): void;
  /** The table is to be closed and has these bytes. */
  seal(seal: string): void;
  close(): void;
};

const OPEN = 'open';
const SEAL_CHARACTERS = 32;
const pattern = new RegExp(`^((\\d{16}) (${OPEN}|\\d+-[0-9a-f]{8}) *) ([0-9a-f]{8})\\n$`);

/** Undefined when there is none; 'damaged' when it cannot be read as one. */
export function readMark(path: string): Mark | undefined | 'damaged' {
  if (!existsSync(path)) return undefined;
  const [, text, commits, seal, checksum] = pattern.exec(readFileSync(path, 'latin1')) ?? [];
  if (text === undefined || hex(crc32(text)) !== checksum) return 'damaged';
  return { commits: Number(commits), seal: seal === OPEN ? undefined : seal };
}

/** From here on the mark says `open`, durably. A disk that is full suffices, unless the mark is new. */
export function openMark(path: string, commits: number): OpenMark {
  if (!existsSync(path)) makeMark(path, commits);
  const file = openSync(path, 'r+');
  const write = (seal: string): void => void writeSync(file, lineOf(commits, seal), 0);
  write(OPEN);
  fsyncSync(file);
  return {
    committed(count) {
      if (count === commits) return;
      commits = count;
      try {
        write(OPEN);
      } catch {
        // The commit is durable all the same.
      }
    },
    seal(seal) {
      write(seal);
      fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}

function makeMark(path: string, commits: number): void {
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  writeSync(file, lineOf(commits, OPEN));
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

function lineOf(commits: number, seal: string): string {
  const text = `${String(commits).padStart(16, '0')} ${seal.padEnd(SEAL_CHARACTERS)}`;
  return `${text} ${hex(crc32(text))}\n`;
}

const hex = (number: number): string => number.toString(16).padStart(8, '0');

const CHUNK_BYTES = 1024 * 1024;

/** Size and CRC-32 of an open file. */
export function sealOf(file: number): string {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let [bytes, checksum] = [0, 0];
  for (let read = -1; read !== 0; bytes += read) {
    read = readSync(file, chunk, 0, CHUNK_BYTES, bytes);
    checksum = crc32(chunk.subarray(0, read), checksum);
  }
  return `${bytes}-${hex(checksum)}`;
}
