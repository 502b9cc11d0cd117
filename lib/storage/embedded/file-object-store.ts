// The ObjectStore in a folder of files: the embedded backend, one process at a time.
//
//   DIRECTORY/objects/...   one file per object (object-path.ts), and the drafts of those under way (draft.ts)
//
// A put writes a draft in the folder of the object, syncs file and folder, and gives the draft its final name. So a final
// name never leads to part of an object, and an acknowledged object survives a power failure: where the rename is lost, the
// next start does it again.
import { join, resolve, sep } from 'node:path';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { checkDelete, checkList, checkObjectKey, checkRange, holdsOtherBytes, objectLimits } from '../object-rules.ts';
import type { ByteRange, ListRequest, ObjectInfo, ObjectPage, ObjectStore } from '../object-store.ts';
import { StorageError } from '../storage-error.ts';
import { discard, draftOf, type Place, publish, settleDrafts } from './draft.ts';
import { createDurableFolders, type DurableFolders } from './durable-folders.ts';
import { newBytes, readBytes, unlessMissing } from './file-bytes.ts';
import { diskFiles, type FileLayer, hasCode } from './file-layer.ts';
import { createInPlace, type InPlace } from './in-place.ts';
import { keyOfRaw, objectPath, rawOf, readName } from './object-path.ts';

type Store = {
  readonly fs: FileLayer;
  readonly objects: string;
  readonly folders: DurableFolders;
  /** Settles what a dead process left; until then an object may lie under the name of its draft. */
  readonly started: () => Promise<void>;
  /** The puts under way, by their paths. */
  readonly underWay: Map<string, Promise<void>>;
  readonly inPlace: InPlace;
};

export type FileObjectStore = ObjectStore & {
  /**
   * With so many puts of a topic under way, further appends should wait and share one. Fewer make a slow sync hold up everybody.
   * More make more files, and their syncs wait for each other.
   */
  readonly putsAtOnce: number;
};

/** Makes the folder when it is missing. Two stores must not work on one folder at once: the table beside it sees to that. */
export function createFileObjectStore({
  directory,
  fs = diskFiles,
  clock = systemClock,
}: {
  directory: string;
  fs?: FileLayer;
  clock?: Pick<Clock, 'monotonic'>;
}): FileObjectStore {
  const root = resolve(directory);
  const parts = { fs, objects: join(root, 'objects'), folders: createDurableFolders(fs, root) };
  const started = startOnce(parts, join(root, 'tmp'));
  const store: Store = { ...parts, started, underWay: new Map(), inPlace: createInPlace(clock) };
  return {
    putsAtOnce: 2,
    async putOnce(key, chunks) {
      checkObjectKey(key);
      await failing(false, store.started);
      await put(store, key, chunks);
    },
    async get(key, range) {
      checkObjectKey(key);
      if (range) checkRange(range);
      await failing(false, store.started);
      return failing(false, () => readObject(store, placeOf(store, key).path, range));
    },
    async list(request) {
      checkList(request);
      await failing(false, store.started);
      return failing(false, () => listPage(store, request));
    },
    async delete(keys) {
      checkDelete(keys);
      await failing(false, store.started);
      return failing(true, () => deleteAll(store, keys));
    },
  };
}

type Parts = Pick<Store, 'fs' | 'objects' | 'folders'>;

/** Begins with the first request; a start that failed is tried again. */
function startOnce(parts: Parts, formerDrafts: string): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => {
    started ??= start(parts, formerDrafts).catch((error) => {
      started = undefined;
      throw error;
    });
    return started;
  };
}

/** Until version 0.1.0 the drafts lay in a folder of their own. None of those was acknowledged. */
async function start({ fs, folders, objects }: Parts, formerDrafts: string): Promise<void> {
  for (const name of (await unlessMissing(fs.readdir(formerDrafts))) ?? []) await fs.unlink(join(formerDrafts, name));
  await settleDrafts({ fs, folders }, objects);
}

function placeOf(store: Store, key: string): Place {
  const { folders, name } = objectPath(rawOf(key));
  const folder = [store.objects, ...folders].join(sep);
  return { folder, path: folder + sep + name };
}

// --- put

async function put(store: Store, key: string, chunks: readonly Uint8Array[]): Promise<void> {
  const place = placeOf(store, key);
  const release = store.folders.hold(place.folder);
  try {
    await alone(store.underWay, place.path, () => putAlone(store, key, place, chunks));
  } finally {
    release();
  }
}

/** A rename replaces what is there. So there is one put of a name at a time, and it looks first. */
async function alone(underWay: Map<string, Promise<void>>, path: string, work: () => Promise<void>): Promise<void> {
  while (underWay.has(path)) await underWay.get(path);
  const done = work();
  underWay.set(
    path,
    done.catch(() => {}),
  );
  try {
    await done;
  } finally {
    underWay.delete(path);
  }
}

async function putAlone(store: Store, key: string, place: Place, chunks: readonly Uint8Array[]): Promise<void> {
  if (await failing(false, () => holds(store, key, place, chunks))) return;
  const draft = draftOf(place, chunks);
  const file = await failing(false, async () => {
    await store.folders.make(place.folder);
    return store.fs.open(draft.path, 'w');
  });
  try {
    await failing(false, () => publish(store, draft, file, chunks)).catch(async (error) => {
      await failing(true, () => discard(store, draft));
      throw error;
    });
    if (!draft.isChecked) await failing(true, () => store.folders.sync(place.folder));
  } finally {
    await file.close();
  }
}

/** @returns whether the object is there. Throws if it has other bytes. */
async function holds(store: Store, key: string, { folder, path }: Place, chunks: readonly Uint8Array[]) {
  const found = store.fs.existsSync(path) ? await readObject(store, path) : undefined;
  if (found === undefined) return false;
  if (!sameBytes(found, chunks)) throw holdsOtherBytes(key);
  // A large one may have its name from a process that died before it synced the folder.
  await store.folders.sync(folder);
  return true;
}

function sameBytes(found: Uint8Array, chunks: readonly Uint8Array[]): boolean {
  let at = 0;
  for (const chunk of chunks) {
    if (Buffer.compare(found.subarray(at, at + chunk.byteLength), chunk) !== 0) return false;
    at += chunk.byteLength;
  }
  return at === found.byteLength;
}

// --- get

/** A larger stretch takes so long to copy that the trip to Node's threads hardly counts. */
const mostInPlaceBytes = 64 * 1024;

async function readObject(store: Store, path: string, range?: ByteRange): Promise<Uint8Array | undefined> {
  const { fs, inPlace } = store;
  if (range && range.to - range.from <= mostInPlaceBytes && inPlace.isOpen())
    return unlessMissing(inPlace.run(() => readStretch(fs, path, range)));
  const file = await unlessMissing(fs.open(path, 'r'));
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    const from = Math.min(range?.from ?? 0, size);
    const to = Math.min(range?.to ?? size, size);
    return await unlessMissing(readBytes(file, from, to - from));
  } finally {
    await file.close();
  }
}

async function readStretch(fs: FileLayer, path: string, { from, to }: ByteRange): Promise<Uint8Array> {
  const bytes = newBytes(to - from);
  return bytes.subarray(0, fs.readSync(path, bytes, from));
}

// --- list

type Found = { readonly raw: string; readonly path: string };

async function listPage(store: Store, request: ListRequest): Promise<ObjectPage> {
  const { limit = objectLimits.pageObjects } = request;
  const prefix = rawOf(request.prefix ?? '');
  const { folders, rawFolder } = objectPath(prefix);
  const objects: ObjectInfo[] = [];
  const bounds = { prefix, after: rawOf(request.after ?? '') };
  for await (const { raw, path } of walk(store.fs, join(store.objects, ...folders), rawFolder, bounds)) {
    if (objects.length === limit) return { objects, more: true };
    const info = await unlessMissing(store.fs.stat(path));
    if (info) objects.push({ key: keyOfRaw(raw), bytes: info.size, modifiedMs: Math.floor(info.mtimeMs) });
  }
  return { objects, more: false };
}

type Bounds = { readonly prefix: string; readonly after: string };

/** The objects within the bounds, in the order of their keys. Opens no folder that cannot hold one. */
async function* walk(fs: FileLayer, folder: string, rawFolder: string, bounds: Bounds): AsyncGenerator<Found> {
  const names = (await unlessMissing(fs.readdir(folder))) ?? [];
  const entries = names
    .flatMap((name) => {
      const found = readName(rawFolder, name);
      return found ? [{ ...found, path: join(folder, name) }] : [];
    })
    .filter(({ raw, isFolder }) => (isFolder ? mayHold(raw, bounds) : isWithin(raw, bounds)))
    .sort((a, b) => (a.raw < b.raw ? -1 : 1));
  for (const { raw, path, isFolder } of entries) {
    if (isFolder) yield* walk(fs, path, raw, bounds);
    else yield { raw, path };
  }
}

const isWithin = (raw: string, { prefix, after }: Bounds) => raw.startsWith(prefix) && raw > after;

/** A folder holds keys that begin with `raw`. */
const mayHold = (raw: string, { prefix, after }: Bounds) =>
  (raw.startsWith(prefix) || prefix.startsWith(raw)) && (raw > after || after.startsWith(raw));

// --- delete

async function deleteAll(store: Store, keys: readonly string[]): Promise<void> {
  const places = keys.map((key) => placeOf(store, key));
  const folders = new Set(places.map(({ folder }) => folder));
  // Another delete must not remove a folder whose names are not synced: the removal itself is not synced either.
  const releases = [...folders].map(store.folders.hold);
  try {
    await Promise.all(places.map(({ path }) => unlessMissing(store.fs.unlink(path))));
    // A delete that failed, or a process that died, may have removed a name that is missing, and not synced that.
    for (const folder of folders) await unlessMissing(store.folders.sync(folder));
  } finally {
    for (const release of releases) release();
  }
  for (const folder of folders) store.folders.prune(folder);
}

// --- errors

/** Throws StorageError and nothing else: `denied` for what a person must mend. */
async function failing<T>(mayHaveActed: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    const isFull = hasCode(cause, 'ENOSPC', 'EDQUOT');
    const mend = isFull || hasCode(cause, 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ENOTDIR');
    const words = cause instanceof Error ? cause.message : String(cause);
    const detail = `${isFull ? 'the disk is full' : 'the folder of objects'}: ${words}`;
    throw new StorageError(mend ? 'denied' : 'unavailable', detail, { cause, mayHaveActed });
  }
}
