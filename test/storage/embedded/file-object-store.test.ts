import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diskFiles, type FileLayer } from '../../../lib/storage/embedded/file-layer.ts';
import { createFileObjectStore } from '../../../lib/storage/embedded/file-object-store.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { createPowerLossFiles } from '../power-loss-files.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const put = (store: ObjectStore, key: string) => store.putOnce(key, [bytesOf('the bytes of '), bytesOf(key)]);
const whole = (key: string) => bytesOf(`the bytes of ${key}`);

/** The generator mulberry32 gives the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function allKeys(store: ObjectStore): Promise<string[]> {
  return (await store.list({})).objects.map((object) => object.key);
}

describe('after a power failure at any step', () => {
  const directory = '/var/rivulet/data';
  const inner = `b/${'c'.repeat(64)}`;
  const keys = ['a/1', 'a/2', `${inner}/1`, `${inner}/2`, 'a', `long/${'x'.repeat(200)}`];

  /**
   * Puts objects, some of them concurrently, with deletes in between. It fills `acked` and `doomed` as it goes, and
   * stops where the power fails.
   */
  async function work(store: ObjectStore, acked: Set<string>, doomed: Set<string>): Promise<void> {
    const acknowledged = (key: string) => put(store, key).then(() => acked.add(key));
    const deleted = async (key: string) => {
      doomed.add(key);
      await store.delete([key]);
      acked.delete(key);
    };
    await acknowledged(keys[0]!);
    await Promise.all([acknowledged(keys[1]!), acknowledged(keys[2]!), acknowledged(keys[4]!)]);
    await Promise.all([deleted(keys[2]!), acknowledged(keys[3]!), acknowledged(keys[1]!)]);
    await Promise.all([deleted(keys[3]!), acknowledged(keys[5]!)]);
  }

  async function expectSound(store: ObjectStore, acked: Set<string>, doomed: Set<string>): Promise<void> {
    for (const key of acked) if (!doomed.has(key)) expect([key, await store.get(key)]).toEqual([key, whole(key)]);
    for (const key of await allKeys(store)) expect([key, await store.get(key)]).toEqual([key, whole(key)]);
  }

  async function lifeAndDeath(seed: number, operations: number): Promise<boolean> {
    const fs = createPowerLossFiles(seeded(seed));
    const [acked, doomed] = [new Set<string>(), new Set<string>()];
    fs.loseAt(operations);
    const finished = await work(createFileObjectStore({ directory, fs }), acked, doomed).then(
      () => true,
      () => false,
    );
    // The rest of the work, which still runs, meets a dead disk first.
    await new Promise((resolve) => setImmediate(resolve));
    fs.restart();
    await expectSound(createFileObjectStore({ directory, fs }), acked, doomed);
    const second = createFileObjectStore({ directory, fs });
    for (const key of keys) await put(second, key);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await fs.readdir(join(directory, 'tmp'))).toEqual([]);
    fs.restart();
    await expectSound(createFileObjectStore({ directory, fs }), new Set(keys), new Set());
    return finished;
  }

  test('every acknowledged object is whole, and no object is torn', async () => {
    let [deaths, survivors] = [0, 0];
    for (let seed = 1; seed <= 6; seed++) {
      for (let operations = 0; operations < 200; operations += 1) {
        if (await lifeAndDeath(seed, operations)) {
          survivors++;
          break;
        }
        deaths++;
      }
    }
    expect(survivors).toBe(6);
    expect(deaths).toBeGreaterThan(400);
  });

  test('a put that a dead process had begun is made durable by the next put', async () => {
    for (let operations = 0; operations < 120; operations++) {
      const fs = createPowerLossFiles(seeded(operations));
      fs.loseAt(operations);
      await work(createFileObjectStore({ directory, fs }), new Set(), new Set()).catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      fs.loseAt(Number.POSITIVE_INFINITY);
      const second = createFileObjectStore({ directory, fs });
      for (const key of keys) await put(second, key);
      fs.restart();
      await expectSound(createFileObjectStore({ directory, fs }), new Set(keys), new Set());
    }
  });

  test('an acknowledged delete lasts, unless a put comes after it', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const fs = createPowerLossFiles(seeded(seed));
      const store = createFileObjectStore({ directory, fs });
      for (const key of ['a/1', 'a/2', 'b/1']) await put(store, key);
      await store.delete(['a/1', 'b/1']);
      await put(store, 'b/2');
      fs.restart();
      expect(await allKeys(createFileObjectStore({ directory, fs }))).toEqual(['a/2', 'b/2']);
    }
  });
});

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
    await writeFile(join(directory, 'tmp', '0'), 'torn');
    const store = createFileObjectStore({ directory });
    await Promise.all(['a', 'b', 'c/d'].map((key) => put(store, key)));
    await put(store, 'a');
    await expect(store.putOnce('a', [bytesOf('other')])).rejects.toMatchObject({ reason: 'exists' });
    await expect.poll(() => names('tmp')).toEqual([]);
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
    expect(await names()).toEqual(['tmp']);
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
    for (const name of ['.DS_Store', 'Thumbs.db', '%zz', '%61', 'B', 'x~', 'x,y']) {
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

  test('an answer does not wait for the removal of the draft, until 64 removals are under way', async () => {
    const removals: (() => void)[] = [];
    const unlink = () => new Promise<void>((resolve) => removals.push(resolve));
    const store = createFileObjectStore({ directory, fs: { ...diskFiles, unlink } });
    for (let i = 0; i < 64; i++) await put(store, `a/${i}`);
    let answered = false;
    const next = put(store, 'a/64').then(() => {
      answered = true;
    });
    await expect.poll(() => removals.length).toBe(65);
    expect(await store.get('a/64')).toEqual(whole('a/64'));
    expect(answered).toBe(false);
    for (const remove of removals) remove();
    await next;
  });

  test('a store that starts while another still removes its drafts loses none of its own', async () => {
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
        return { ...unbound(file), sync: () => Promise.reject(coded(code)) };
      },
    };
    const store = createFileObjectStore({ directory, fs });
    await expect(put(store, 'a')).rejects.toMatchObject({ name: 'StorageError', reason, mayHaveActed: false });
    expect(await store.get('a')).toBeUndefined();
    await expect.poll(() => names('tmp')).toEqual([]);
    broken = false;
    await put(store, 'a');
    expect(await store.get('a')).toEqual(whole('a'));
  });

  test('a link that was refused was not made', async () => {
    const fs: FileLayer = { ...diskFiles, link: () => Promise.reject(coded('EDQUOT')) };
    const refused = { reason: 'denied', mayHaveActed: false, message: 'the disk is full: EDQUOT' };
    await expect(put(createFileObjectStore({ directory, fs }), 'a')).rejects.toMatchObject(refused);
  });

  test('an error after the link says that the object may be there', async () => {
    let broken = false;
    const fs: FileLayer = {
      ...diskFiles,
      link: (from, to) => {
        broken = true;
        return diskFiles.link(from, to);
      },
      async open(path, flags) {
        const file = await diskFiles.open(path, flags);
        return { ...unbound(file), sync: () => (broken ? Promise.reject(coded('EIO')) : file.sync()) };
      },
    };
    const store = createFileObjectStore({ directory, fs });
    await expect(put(store, 'a')).rejects.toMatchObject({ reason: 'unavailable', mayHaveActed: true });
  });
});

const coded = (code: string) => Object.assign(new Error(code), { code });

/** The methods of a file handle live on its prototype, and need their handle as `this`. */
function unbound(file: Awaited<ReturnType<FileLayer['open']>>): Awaited<ReturnType<FileLayer['open']>> {
  return {
    writev: (chunks) => file.writev(chunks),
    read: (into, offset, length, position) => file.read(into, offset, length, position),
    stat: () => file.stat(),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}
