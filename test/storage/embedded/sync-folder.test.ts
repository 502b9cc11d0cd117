// Which folders are synced, and what a file system answers that has no sync of folders.
import fs, { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { diskFiles, type FileLayer } from '../../../lib/storage/embedded/file-layer.ts';
import { createFileObjectStore } from '../../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../../lib/storage/embedded/sqlite-table.ts';
import { makeFolder } from '../../../lib/storage/embedded/sync-folder.ts';

const fsyncSync = fs.fsyncSync;
let directory: string;
/** The inodes of the folders that were synced. */
let synced: number[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rivulet-sync-'));
  synced = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(directory, { recursive: true });
});

function onFolderSync(answer: () => void): void {
  vi.spyOn(fs, 'fsyncSync').mockImplementation((file) => {
    const stats = fs.fstatSync(file);
    if (!stats.isDirectory()) return fsyncSync(file);
    synced.push(stats.ino);
    answer();
  });
  syncBuiltinESMExports();
}

const inode = (...names: string[]): number => fs.statSync(join(directory, ...names)).ino;

describe.skipIf(process.platform === 'win32')('a folder', () => {
  test('below one that takes no new ones is refused', () => {
    expect(() => makeFolder('/proc/rivulet/data')).toThrow(/(ENOENT|EROFS|EACCES).*mkdir '\/proc/);
  });

  test('has the parents of what was made synced, and nothing above them', () => {
    onFolderSync(() => undefined);
    mkdirSync(join(directory, 'there'));
    createSqliteTable({ path: join(directory, 'there', 'a', 'b', 'table.sqlite') }).close();
    // The last one has the mark.
    expect(synced).toEqual([inode('there', 'a'), inode('there'), inode('there', 'a', 'b')]);
    synced = [];
    createSqliteTable({ path: join(directory, 'there', 'a', 'b', 'table.sqlite') }).close();
    expect(synced).toEqual([]);
  });

  test.each(['EINVAL', 'ENOTSUP', 'ENOSYS'])('that cannot be synced (%s) holds a table and objects', async (code) => {
    const refusal = Object.assign(new Error(code), { code });
    onFolderSync(() => {
      throw refusal;
    });
    createSqliteTable({ path: join(directory, 'made', 'table.sqlite') }).close();
    expect(synced).toHaveLength(2);
    const openFolderSync: FileLayer['openFolderSync'] = (path) => ({
      ...diskFiles.openFolderSync(path),
      sync: () => Promise.reject(refusal),
    });
    const objects = createFileObjectStore({ directory, fs: { ...diskFiles, openFolderSync } });
    await objects.putOnce('3f/topic/ingest/00', [Uint8Array.of(7)]);
    expect(await createFileObjectStore({ directory }).get('3f/topic/ingest/00')).toEqual(Uint8Array.of(7));
  });

  test('whose sync fails otherwise refuses the start', () => {
    onFolderSync(() => {
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    });
    expect(() => createSqliteTable({ path: join(directory, 'made', 'table.sqlite') })).toThrow(/EIO/);
  });
});
