// These tests use a disk that is really full, and one that is read-only: a small file system in memory, which only root may
// mount.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createFileObjectStore } from '../../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable, type SqliteTable } from '../../../lib/storage/embedded/sqlite-table.ts';
import type { Write } from '../../../lib/storage/table.ts';

const disk = mkdtempSync(join(tmpdir(), 'rivulet-disk-'));
const isMounted = mount();
if (!isMounted) console.log('a full disk is not tested: mounting one needs root on Linux');

const opened: SqliteTable[] = [];
afterAll(() => {
  for (const table of opened) table.close();
  if (isMounted) execFileSync('umount', [disk]);
  rmSync(disk, { recursive: true });
});

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Fills the disk up to the last `leftBytes` bytes. */
function fill(leftBytes: number): void {
  rmSync(join(disk, 'filler'), { force: true });
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - leftBytes));
}

const put = (n: number): Write => ({ kind: 'put', item: { pk: 'p', sk: `${n}`, text: 'x'.repeat(100_000) } });

describe.skipIf(!isMounted)('on a disk with its last bytes gone', () => {
  test('a write to the table fails, says that nothing was written, and is not there after a crash either', async () => {
    const directory = join(disk, 'backend');
    const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
    opened.push(table);
    await table.write(put(0));
    // Each of these leaves room for more frames of the log (WAL), but not for all of them.
    for (let pages = 0; pages <= 4; pages++) {
      fill(pages * 4096);
      const refused = { reason: 'denied', mayHaveActed: false, message: expect.stringContaining('the disk is full') };
      await expect(table.write(put(1))).rejects.toMatchObject(refused);
      const crashed = mkdtempSync(join(tmpdir(), 'rivulet-crashed-'));
      cpSync(directory, crashed, { recursive: true });
      const after = createSqliteTable({ path: join(crashed, 'table.sqlite') });
      expect((await after.query({ pk: 'p' })).items).toHaveLength(1);
      after.close();
      rmSync(crashed, { recursive: true });
    }
    rmSync(join(disk, 'filler'));
    await table.write(put(1));
    expect((await table.query({ pk: 'p' })).items).toHaveLength(2);
    fill(0);
    table.close();
    // Reading what is there needs no room on the disk.
    const again = createSqliteTable({ path: join(directory, 'table.sqlite') });
    expect((await again.query({ pk: 'p' })).items).toHaveLength(2);
    opened.push(again);
  });

  test('a put of an object fails, and says that nothing was written', async () => {
    rmSync(join(disk, 'filler'), { force: true });
    const store = createFileObjectStore({ directory: join(disk, 'backend') });
    await store.putOnce('aa/1', [Buffer.from('first')]);
    fill(0);
    const refused = { reason: 'denied', mayHaveActed: false, message: expect.stringContaining('the disk is full') };
    await expect(store.putOnce('aa/2', [Buffer.alloc(5_000)])).rejects.toMatchObject(refused);
    expect(await store.get('aa/2')).toBeUndefined();
  });
});

test.skipIf(!isMounted)('a read-only disk is named, with what to do: also to check the table needs a lock', () => {
  const folder = join(disk, 'read-only');
  for (const table of opened) table.close();
  rmSync(join(disk, 'filler'), { force: true });
  const path = join(folder, 'table.sqlite');
  createSqliteTable({ path }).close();
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  try {
    const sentence = `${folder} cannot be written (EROFS): give this user the right to write it, or copy the folder to where it can be written`;
    expect(() => createSqliteTable({ path })).toThrow(sentence);
  } finally {
    execFileSync('mount', ['-o', 'remount,rw', disk]);
  }
});
