import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { diskFiles, type FileLayer } from '../../../lib/storage/embedded/file-layer.ts';
import { createFileObjectStore } from '../../../lib/storage/embedded/file-object-store.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const put = (store: ObjectStore, key: string) => store.putOnce(key, [bytesOf('the bytes of '), bytesOf(key)]);
const whole = (key: string) => bytesOf(`the bytes of ${key}`);

async function allKeys(store: ObjectStore): Promise<string[]> {
  return (await store.list({})).objects.map((object) => object.key);
}

describe('on a disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rivulet-files-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const names = (...path: string[]) => readdir(join(directory, ...path));

  test('another store on the same directory finds the objects', async () => {
    await put(createFileObjectStore({ directory }), 'a/b');
    const second = createFileObjectStore({ directory });
    expect(await second.get('a/b')).toEqual(whole('a/b'));
    expect(await allKeys(second)).toEqual(['a/b']);
  });

  test('a directory that does not exist yet is empty, and the first put makes it', async () => {
    const store = createFileObjectStore({ directory: join(directory, 'not', 'yet') });
    expect(await store.get('a')).toBeUndefined();
    expect(await allKeys(store)).toEqual([]);
    await store.delete(['a']);
    expect(await names()).toEqual([]);
    await put(store, 'a');
    expect(await store.get('a')).toEqual(whole('a'));
  });

  test('the store leaves no drafts of its own, and removes those of a dead process', async () => {
    await mkdir(join(directory, 'tmp'));
    await writeFile(join(directory, 'tmp', '0'), 'torn, by version 0.1.0');
    await mkdir(join(directory, 'objects'));
    for (const name of ['a!20-0123abcd', 'b!', 'c!3-00000000'])
      await writeFile(join(directory, 'objects', name), 'torn');
    const store = createFileObjectStore({ directory });
    expect(await allKeys(store)).toEqual([]);
    expect(await names('objects')).toEqual([]);
    expect(await names('tmp')).toEqual([]);
    await Promise.all(['a', 'b', 'c/d'].map((key) => put(store, key)));
    await put(store, 'a');
    await expect(store.putOnce('a', [bytesOf('other')])).rejects.toMatchObject({ reason: 'exists' });
    expect((await names('objects')).sort()).toEqual(['a', 'b', 'c+']);
  });

  test('a draft that is whole gets its name at the start, unless the name is taken', async () => {
    await put(createFileObjectStore({ directory }), 'b/1');
    const [whole, other] = [bytesOf('whole'), bytesOf('other')].map((bytes) => ({
      bytes,
      crc: crc32(bytes).toString(16),
    }));
    await writeFile(join(directory, 'objects', 'b+', `1!5-${other!.crc}`), other!.bytes);
    await writeFile(join(directory, 'objects', 'b+', `2!5-${whole!.crc}`), whole!.bytes);
    const store = createFileObjectStore({ directory });
    expect(await store.get('b/2')).toEqual(whole!.bytes);
    expect(await store.get('b/1')).toEqual(bytesOf('the bytes of b/1'));
    expect((await names('objects', 'b+')).sort()).toEqual(['1', '2']);
  });

  test('the store removes a directory with its last object, but no directory that is in use', async () => {
    const store = createFileObjectStore({ directory });
    const long = `a/${'b'.repeat(100)}`;
    await put(store, long);
    await put(store, 'a/2');
    expect(await names('objects', 'a+')).toHaveLength(2);
    await store.delete([long]);
    expect(await names('objects', 'a+')).toEqual(['2']);
    await Promise.all([store.delete(['a/2']), ...[3, 4, 5].map((n) => put(store, `a/b/${n}`))]);
    expect(await allKeys(store)).toEqual(['a/b/3', 'a/b/4', 'a/b/5']);
    await store.delete(['a/b/3', 'a/b/4', 'a/b/5']);
    expect(await names()).toEqual([]);
  });

  test('concurrent puts and deletes in one directory lose nothing', async () => {
    const store = createFileObjectStore({ directory });
    // These keys are so long that they become directories within f.
    const [g, h] = ['g', 'h'].map((letter) => `f/${letter.repeat(64)}`);
    for (let round = 0; round < 40; round++) {
      await put(store, `${g}${round}`);
      await Promise.all([
        store.delete([`${g}${round}`]),
        put(store, `${h}${round}/x`),
        put(store, `${g}keep-${round}`),
      ]);
      await Promise.all([store.delete([`${g}keep-${round}`, `${h}${round}/x`]), put(store, `${g}last-${round}`)]);
      expect(await allKeys(store)).toEqual([`${g}last-${round}`]);
      await store.delete([`${g}last-${round}`]);
    }
  });

  test('the store does not list files that are not its own', async () => {
    const store = createFileObjectStore({ directory });
    await put(store, 'a');
    for (const name of ['.DS_Store', 'Thumbs.db', '%zz', '%61', 'B', 'x~', 'x,y', 'B!', 'x!y']) {
      await writeFile(join(directory, 'objects', name), '');
    }
    await mkdir(join(directory, 'objects', 'f+', 'f+'), { recursive: true });
    await writeFile(join(directory, 'objects', 'f+', 'f+', 'x'), '');
    expect(await allKeys(store)).toEqual(['a']);
  });

  test('a listing opens only the directories that it needs', async () => {
    const opened: string[] = [];
    const fs: FileLayer = {
      ...diskFiles,
      readdir: (path) => {
        opened.push(path.slice(directory.length));
        return diskFiles.readdir(path);
      },
    };
    const store = createFileObjectStore({ directory, fs });
    for (const key of ['a/1', 'a/2', 'b/1', 'c/d/1', 'c/e/1']) await put(store, key);
    opened.length = 0;
    await store.list({ prefix: 'c/d/' });
    expect(opened.splice(0)).toEqual(['/objects/c+']);
    await store.list({ limit: 1 });
    expect(opened.splice(0)).toEqual(['/objects', '/objects/a+']);
    await store.list({ after: 'b/1' });
    expect(opened.splice(0)).toEqual(['/objects', '/objects/b+', '/objects/c+']);
  });

  test('a second store on the same directory loses nothing of the first', async () => {
    const first = createFileObjectStore({ directory });
    for (let round = 0; round < 20; round++) {
      await Promise.all([1, 2, 3].map((n) => put(first, `first/${round}/${n}`)));
      const second = createFileObjectStore({ directory });
      await Promise.all([1, 2, 3].map((n) => put(second, `second/${round}/${n}`)));
    }
    expect(await allKeys(first)).toHaveLength(120);
  });

  test('sizes and times are those of the file', async () => {
    const store = createFileObjectStore({ directory });
    await put(store, 'a');
    const { size, mtimeMs } = await stat(join(directory, 'objects', 'a'));
    const objects = [{ key: 'a', bytes: size, modifiedMs: Math.floor(mtimeMs) }];
    expect(await store.list({})).toEqual({ objects, more: false });
  });

  test.each([
    ['ENOSPC', 'denied'],
    ['EACCES', 'denied'],
    ['EROFS', 'denied'],
    ['EIO', 'unavailable'],
  ])('%s while writing is %s, nothing is written, and the next put works', async (code, reason) => {
    let broken = true;
    const fs: FileLayer = {
      ...diskFiles,
      async open(path, flags) {
        const file = await diskFiles.open(path, flags);
        if (flags === 'r' || !broken) return file;
        return { ...file, sync: () => Promise.reject(coded(code)) };
      },
    };
    const store = createFileObjectStore({ directory, fs });
    await expect(put(store, 'a')).rejects.toMatchObject({ name: 'StorageError', reason, mayHaveActed: false });
    expect(await store.get('a')).toBeUndefined();
    expect(await names('objects')).toEqual([]);
    broken = false;
    await put(store, 'a');
    expect(await store.get('a')).toEqual(whole('a'));
  });

  test('a rename that was refused was not done', async () => {
    const fs: FileLayer = { ...diskFiles, rename: () => Promise.reject(coded('EDQUOT')) };
    const refused = { reason: 'denied', mayHaveActed: false, message: 'the disk is full: EDQUOT' };
    await expect(put(createFileObjectStore({ directory, fs }), 'a')).rejects.toMatchObject(refused);
    expect(await allKeys(createFileObjectStore({ directory }))).toEqual([]);
  });

  test('an error says that the object may be there, when its draft cannot be removed', async () => {
    const broken = () => Promise.reject(coded('EIO'));
    const store = createFileObjectStore({ directory, fs: { ...diskFiles, rename: broken, unlink: broken } });
    await expect(put(store, 'a')).rejects.toMatchObject({ reason: 'unavailable', mayHaveActed: true });
    expect(await createFileObjectStore({ directory }).get('a')).toEqual(whole('a'));
  });

  test('a put that fails, and cannot remove its draft, takes no sync from the puts beside it', async () => {
    const gates: (() => void)[] = [];
    let isHeld = false;
    const fs: FileLayer = {
      ...diskFiles,
      async open(path, flags) {
        const file = await diskFiles.open(path, flags);
        return path.includes('fails') && flags === 'w' ? { ...file, sync: () => Promise.reject(coded('EIO')) } : file;
      },
      unlink: () => Promise.reject(coded('EIO')),
      openFolderSync: (path) => {
        const folder = diskFiles.openFolderSync(path);
        const turn = () => (isHeld ? new Promise<void>((resolve) => gates.push(resolve)) : undefined);
        return { ...folder, sync: () => Promise.resolve(turn()).then(() => folder.sync()) };
      },
    };
    const store = createFileObjectStore({ directory, fs });
    await put(store, 'a/0');
    isHeld = true;
    const first = put(store, 'a/1');
    await vi.waitUntil(() => gates.length === 1);
    const failing = put(store, 'a/fails');
    const beside = put(store, 'a/2');
    await expect(failing).rejects.toMatchObject({ mayHaveActed: true });
    isHeld = false;
    for (const open of gates) open();
    await Promise.all([first, beside]);
  });

  test('a name that cannot be looked up is not taken for free', async () => {
    const store = createFileObjectStore({ directory });
    await put(store, 'a');
    const existsSync: FileLayer['existsSync'] = () => {
      throw coded('EIO');
    };
    const blind = createFileObjectStore({ directory, fs: { ...diskFiles, existsSync } });
    await expect(blind.putOnce('a', [bytesOf('other')])).rejects.toMatchObject({ reason: 'unavailable' });
    expect(await store.get('a')).toEqual(whole('a'));
    expect(() => diskFiles.existsSync(join(directory, 'x'.repeat(300)))).toThrow('ENAMETOOLONG');
  });

  test('an error after a large object has its name says that it may be there', async () => {
    let isNamed = false;
    const fs: FileLayer = {
      ...diskFiles,
      rename: (from, to) => {
        isNamed = true;
        return diskFiles.rename(from, to);
      },
      openFolderSync: (path) => {
        const folder = diskFiles.openFolderSync(path);
        return { ...folder, sync: () => (isNamed ? Promise.reject(coded('EIO')) : folder.sync()) };
      },
    };
    const large = createFileObjectStore({ directory, fs }).putOnce('a', [new Uint8Array(200_000)]);
    await expect(large).rejects.toMatchObject({ reason: 'unavailable', mayHaveActed: true });
  });
});

const coded = (code: string) => Object.assign(new Error(code), { code });
