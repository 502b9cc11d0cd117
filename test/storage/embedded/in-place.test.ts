// Small files are read in place only while that is quick: the event loop must not wait for a disk again and again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { diskFiles, type FileLayer } from '../../../lib/storage/embedded/file-layer.ts';
import { createFileObjectStore } from '../../../lib/storage/embedded/file-object-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rivulet-in-place-'));
});
afterEach(() => rm(directory, { recursive: true }));

const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);

/** A store on a disk whose reads in place take `readMs` by the store's clock. It notes how each read was done. */
async function storeOn(disk: { readMs: number }) {
  let nowMs = 0;
  const how: ('in place' | 'aside')[] = [];
  const fs: FileLayer = {
    ...diskFiles,
    readSync(path, into, position) {
      how.push('in place');
      nowMs += disk.readMs;
      return diskFiles.readSync(path, into, position);
    },
    open(path, flags) {
      if (flags === 'r') how.push('aside');
      return diskFiles.open(path, flags);
    },
  };
  const store = createFileObjectStore({ directory, fs, clock: { monotonic: () => nowMs } });
  await store.putOnce('a', [bytes]);
  how.length = 0;
  const read = async (times: number) => {
    for (let i = 0; i < times; i++)
      expect(await store.get('a', { from: i, to: i + 1_000 })).toEqual(bytes.subarray(i, i + 1_000));
    return how.splice(0);
  };
  return { store, read, how };
}

const runs = (how: readonly string[], one: string) => how.filter((each) => each === one).length;

test('a short stretch is read in place, and a long one or a whole object aside, with the same bytes', async () => {
  const { store, how } = await storeOn({ readMs: 0.01 });
  expect(await store.get('a', { from: 10, to: 65_546 })).toEqual(bytes.subarray(10, 65_546));
  expect(await store.get('a', { from: 10, to: 65_547 })).toEqual(bytes.subarray(10, 65_547));
  expect(await store.get('a')).toEqual(bytes);
  expect(how).toEqual(['in place', 'aside', 'aside']);
});

test('a stretch that is read in place ends with its file, and a missing file is no object', async () => {
  const { store, how } = await storeOn({ readMs: 0.01 });
  expect(await store.get('a', { from: 199_990, to: 200_090 })).toEqual(bytes.subarray(199_990));
  expect(await store.get('a', { from: 300_000, to: 300_001 })).toEqual(new Uint8Array());
  expect(await store.get('b', { from: 0, to: 1 })).toBeUndefined();
  expect(how).toEqual(['in place', 'in place', 'in place']);
});

test('one turn of the event loop spends some milliseconds on reads in place, and the next turn as many', async () => {
  const { store, how } = await storeOn({ readMs: 0.15 });
  for (let turns = 0; turns < 2; turns++) {
    // The reads begin in one turn, because no read in place needs another.
    await Promise.all(Array.from({ length: 40 }, () => store.get('a', { from: 0, to: 10 })));
    expect(runs(how.splice(0), 'in place')).toBe(14);
    await turn();
  }
});

test('while the disk is slow, ever fewer reads wait for it in place', async () => {
  const { read } = await storeOn({ readMs: 10 });
  expect(await read(1 + 4 + 1)).toEqual(['in place', 'aside', 'aside', 'aside', 'aside', 'in place']);
  expect(runs(await read(16 + 1 + 64 + 1 + 256 + 1 + 256), 'in place')).toBe(3);
});

test('after a quick read in place, a single slow one counts for little again', async () => {
  const disk = { readMs: 10 };
  const { read } = await storeOn(disk);
  await read(1 + 4 + 1);
  disk.readMs = 0.01;
  expect(runs(await read(16 + 10), 'in place')).toBe(10);
  disk.readMs = 10;
  await read(1);
  disk.readMs = 0.01;
  expect(runs(await read(4 + 10), 'in place')).toBe(10);
});
