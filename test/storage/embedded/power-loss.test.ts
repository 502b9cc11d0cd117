// The file store over a file system that loses power: every acknowledged object is whole, and no object is torn. The same is
// asked of stores that leave out one of their syncs or checks, and is noticed.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createFileObjectStore } from '../../../lib/storage/embedded/file-object-store.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { type ChangeOfFile, changedModule } from '../../sim/core/change-plugin.ts';
import { createPowerLossFiles, type PowerLossFiles } from '../power-loss-files.ts';

type Create = typeof createFileObjectStore;

const directory = '/var/rivulet/data';
const inner = `b/${'c'.repeat(64)}`;
const keys = ['a/1', 'a/2', `${inner}/1`, `${inner}/2`, 'a', `long/${'x'.repeat(200)}`, 'a/3', 'a/large', 'large'];

const largeBytes = 128 * 1024 + 1;
const wholes = new Map(keys.map((key) => [key, Buffer.from(`the bytes of ${key}`)]));
for (const key of keys.slice(-2)) wholes.set(key, Buffer.alloc(largeBytes, wholes.get(key)!));

async function put(store: ObjectStore, key: string): Promise<void> {
  const whole = wholes.get(key)!;
  await store.putOnce(key, [whole.subarray(0, 7), whole.subarray(7)]);
}

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

type Told = { readonly acked: Set<string>; readonly doomed: Set<string> };
const toldNothing = (): Told => ({ acked: new Set(), doomed: new Set() });

/**
 * Puts objects, some of them concurrently, with deletes in between. It fills `told` as it goes, and stops where the power
 * fails.
 */
async function work(store: ObjectStore, { acked, doomed }: Told): Promise<void> {
  const acknowledged = (key: string) => put(store, key).then(() => acked.add(key));
  const deleted = async (key: string) => {
    doomed.add(key);
    await store.delete([key]);
    acked.delete(key);
  };
  const [a1, a2, inner1, inner2, a, long, a3, aLarge, large] = keys as string[] & { length: 9 };
  await acknowledged(a1!);
  await Promise.all([a2!, inner1!, a!, a3!].map(acknowledged));
  await Promise.all([deleted(inner1!), acknowledged(inner2!), acknowledged(a2!), acknowledged(aLarge!)]);
  await Promise.all([deleted(inner2!), acknowledged(long!), acknowledged(large!)]);
}

async function expectSound(store: ObjectStore, { acked, doomed }: Told): Promise<void> {
  const isWhole = async (key: string) => wholes.get(key)!.equals((await store.get(key)) ?? Buffer.from('missing'));
  for (const key of acked) if (!doomed.has(key)) expect([key, await isWhole(key)]).toEqual([key, true]);
  for (const key of await allKeys(store)) expect([key, await isWhole(key)]).toEqual([key, true]);
}

/** Lets the rest of some work meet a dead disk. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function draftsIn(fs: PowerLossFiles): Promise<string[]> {
  const folders = new Set(['a+', inner.slice(0, 2), '.'].map((name) => join(directory, 'objects', name)));
  const names = await Promise.all([...folders].map((folder) => fs.readdir(folder).catch(() => [])));
  return names.flat().filter((name) => name.includes('!'));
}

async function dieAtStart(create: Create, fs: PowerLossFiles, operations: number): Promise<void> {
  fs.loseAt(operations);
  await allKeys(create({ directory, fs })).catch(() => undefined);
  await nextTurn();
  fs.restart();
}

/** @returns whether the work ended before the power failed. */
async function lifeAndDeath(create: Create, seed: number, operations: number): Promise<boolean> {
  const fs = createPowerLossFiles(seeded(seed));
  const told = toldNothing();
  fs.loseAt(operations);
  const finished = await work(create({ directory, fs }), told).then(
    () => true,
    () => false,
  );
  await nextTurn();
  fs.restart();
  await dieAtStart(create, fs, operations % 9);
  await expectSound(create({ directory, fs }), told);
  expect(await draftsIn(fs)).toEqual([]);
  const second = create({ directory, fs });
  for (const key of keys) await put(second, key);
  fs.restart();
  await expectSound(create({ directory, fs }), { acked: new Set(keys), doomed: new Set() });
  return finished;
}

/** @returns the number of deaths. */
async function deathAtEveryStep(create: Create, seeds: number): Promise<number> {
  let deaths = 0;
  for (let seed = 1; seed <= seeds; seed++)
    for (let operations = 0; !(await lifeAndDeath(create, seed, operations)); operations++) deaths++;
  return deaths;
}

/** The process dies, and the next one puts the same. Then the power fails. */
async function killAtEveryStep(create: Create, mostOperations: number): Promise<void> {
  for (let operations = 0; operations < mostOperations; operations++) {
    const fs = createPowerLossFiles(seeded(operations));
    fs.loseAt(operations);
    await work(create({ directory, fs }), toldNothing()).catch(() => undefined);
    await nextTurn();
    fs.loseAt(Number.POSITIVE_INFINITY);
    const second = create({ directory, fs });
    for (const key of keys) await put(second, key);
    fs.restart();
    await expectSound(create({ directory, fs }), { acked: new Set(keys), doomed: new Set() });
  }
}

/** A put that was refused has made no object, also after the power failed. */
async function refuse(create: Create): Promise<void> {
  for (let seed = 1; seed <= 30; seed++) {
    const fs = createPowerLossFiles(seeded(seed));
    const rename = () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
    const refusing = create({ directory, fs: { ...fs, rename } });
    await expect(put(refusing, 'a/1')).rejects.toMatchObject({ mayHaveActed: false });
    fs.restart();
    expect(await allKeys(create({ directory, fs }))).toEqual([]);
  }
}

/** A start that could not sync what a dead process had written is tried again. */
async function failToSettle(create: Create): Promise<void> {
  for (let operations = 0; operations < 40; operations++) {
    const fs = createPowerLossFiles(seeded(operations));
    fs.loseAt(operations);
    await put(create({ directory, fs }), 'a/1').catch(() => undefined);
    await nextTurn();
    fs.loseAt(Number.POSITIVE_INFINITY);
    fs.failSync();
    const second = create({ directory, fs });
    await allKeys(second).catch(() => undefined);
    const acked = new Set(await allKeys(second));
    fs.restart();
    await expectSound(create({ directory, fs }), { acked, doomed: new Set() });
  }
}

/** Two deletes empty a folder, which goes with the last object. */
async function deleteBeside(create: Create): Promise<void> {
  for (let seed = 1; seed <= 400; seed++) {
    const fs = createPowerLossFiles(seeded(seed));
    const store = create({ directory, fs });
    for (const key of ['a/1', 'a/2', `${inner}/1`]) await put(store, key);
    const other = store.delete(['a/2']);
    for (let turns = seed % 40; turns > 0; turns--) await undefined;
    await Promise.all([other, store.delete([`${inner}/1`, 'a/1'])]);
    fs.restart();
    expect(await allKeys(create({ directory, fs }))).toEqual([]);
  }
}

/** A delete that failed is tried again, by the same process or the next one. */
async function deleteAgain(create: Create): Promise<void> {
  for (let seed = 1; seed <= 60; seed++) {
    const fs = createPowerLossFiles(seeded(seed));
    const store = create({ directory, fs });
    for (const key of ['a/1', 'a/2']) await put(store, key);
    fs.loseAt(fs.operations + (seed % 4));
    await store.delete(['a/1']).catch(() => undefined);
    fs.loseAt(Number.POSITIVE_INFINITY);
    await (seed % 2 ? store : create({ directory, fs })).delete(['a/1']);
    fs.restart();
    expect(await allKeys(create({ directory, fs }))).toEqual(['a/2']);
  }
}

describe('after a power failure at any step', () => {
  test('every acknowledged object is whole, and no object is torn', async () => {
    expect(await deathAtEveryStep(createFileObjectStore, 3)).toBeGreaterThan(400);
  });

  test('a put that a dead process had begun is made durable by the next put', () =>
    killAtEveryStep(createFileObjectStore, 150));

  test('an acknowledged delete lasts, unless a put comes after it', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const fs = createPowerLossFiles(seeded(seed));
      const store = createFileObjectStore({ directory, fs });
      for (const key of ['a/1', 'a/2', 'large']) await put(store, key);
      await store.delete(['a/1', 'large']);
      await put(store, `${inner}/2`);
      fs.restart();
      expect(await allKeys(createFileObjectStore({ directory, fs }))).toEqual(['a/2', `${inner}/2`]);
    }
  });

  test('a put that was refused has left nothing', () => refuse(createFileObjectStore));

  test('a start after a sync that failed writes again what it makes durable', () =>
    failToSettle(createFileObjectStore));

  test('deletes of one folder last, together and repeated', async () => {
    await deleteBeside(createFileObjectStore);
    await deleteAgain(createFileObjectStore);
  });
});

const draft = 'lib/storage/embedded/draft.ts';
const store = 'lib/storage/embedded/file-object-store.ts';
const folders = 'lib/storage/embedded/durable-folders.ts';

type Mutant = ChangeOfFile & { readonly name: string; readonly noticedBy: (create: Create) => Promise<unknown> };

const death = (create: Create) => deathAtEveryStep(create, 20);
const kill = (create: Create) => killAtEveryStep(create, 500);

const mutants: readonly Mutant[] = [
  {
    name: 'the file is not synced',
    file: draft,
    text: ['[file.sync(), folders.sync(draft.place.folder)]', '[folders.sync(draft.place.folder)]'],
    noticedBy: death,
  },
  {
    name: 'the folder is not synced',
    file: draft,
    text: ['[file.sync(), folders.sync(draft.place.folder)]', '[file.sync()]'],
    noticedBy: death,
  },
  { name: 'a large file is not synced', file: draft, text: ['else await file.sync();', ''], noticedBy: death },
  {
    name: 'the folder of a large file is not synced',
    file: store,
    text: ['() => store.folders.sync(place.folder)', 'async () => {}'],
    noticedBy: death,
  },
  {
    name: 'a sync under way is joined',
    file: folders,
    text: ['group.next ??= group.underWay.then(after, after);', 'group.next ??= after && group.underWay;'],
    noticedBy: death,
  },
  {
    name: 'a new folder is not synced into its parent',
    file: folders,
    text: ['await syncFolder(fs, dirname(folder));', ''],
    noticedBy: death,
  },
  {
    name: 'drafts are not settled',
    file: store,
    text: ['await settleDrafts({ fs, folders }, objects);', ''],
    noticedBy: death,
  },
  {
    name: 'the checksum of a draft is not compared',
    file: draft,
    text: ['=== checksum ?', '!== undefined ?'],
    noticedBy: death,
  },
  {
    name: 'a large draft is taken for whole',
    file: draft,
    text: [
      'if (checksum === undefined || (await file.stat()).size !== bytes) return undefined;',
      'const { size } = await file.stat(); if (checksum && size !== bytes) return; if (!checksum) return readBytes(file, 0, size);',
    ],
    noticedBy: death,
  },
  {
    name: 'a draft is settled without a sync',
    file: draft,
    text: ['await Promise.all([file.sync(), folders.sync(folder)]);', ''],
    noticedBy: kill,
  },
  {
    name: 'an object that is found is not synced',
    file: store,
    text: ['await store.folders.sync(folder);', ''],
    noticedBy: kill,
  },
  {
    name: 'the removal of a draft is not synced',
    file: draft,
    text: ['  await folders.sync(draft.place.folder);\n}', '}'],
    noticedBy: refuse,
  },
  {
    name: 'a draft is not written again before it is synced',
    file: draft,
    text: ['await writeAll(file, [whole]);', ''],
    noticedBy: failToSettle,
  },
  {
    name: 'a delete does not hold its folder',
    file: store,
    text: ['[...folders].map(store.folders.hold)', '[...folders].map(() => () => {})'],
    noticedBy: deleteBeside,
  },
  {
    name: 'the delete of a name that is missing syncs nothing',
    file: store,
    text: [
      'for (const folder of folders) await unlessMissing',
      'for (const folder of folders) if (places.some((one) => store.fs.existsSync(one.path))) await unlessMissing',
    ],
    noticedBy: deleteAgain,
  },
];

describe('a store that leaves something out is noticed', () => {
  test.each(mutants)('$name', async (mutant) => {
    const module = (await import(changedModule(store, mutant))) as { createFileObjectStore: Create };
    await expect(mutant.noticedBy(module.createFileObjectStore)).rejects.toMatchObject({ name: 'AssertionError' });
  });
});
