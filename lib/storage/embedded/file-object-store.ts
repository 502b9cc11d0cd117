// The ObjectStore in a folder of files: the embedded backend, one process at a time.
//
//   DIRECTORY/objects/...   one file per object (object-path.ts)
//   DIRECTORY/tmp/<n>       objects being written; what a dead process left here is removed at the start
//
// A put writes and syncs a file in tmp, links it to its final name (atomic, fails if the name is taken), and syncs the
// folder. So a final name never leads to part of an object, and an acknowledged object survives a power failure. No
// caller waits for the rest: the first name is removed, and the file closed.
import { join, resolve } from 'node:path';
import { checkDelete, checkList, checkObjectKey, checkRange, holdsOtherBytes, objectLimits } from '../object-rules.ts';
import type { ByteRange, ListRequest, ObjectInfo, ObjectPage, ObjectStore } from '../object-store.ts';
import { StorageError } from '../storage-error.ts';
import { createDurableFolders, type DurableFolders, type OpenFolder } from './durable-folders.ts';
import { diskFiles, type FileLayer, hasCode, type OpenFile } from './file-layer.ts';
import { keyOfRaw, objectPath, rawOf, readName } from './object-path.ts';

type Store = {
  readonly fs: FileLayer;
  readonly objects: string;
  readonly tmp: string;
  readonly folders: DurableFolders;
  readonly started: () => Promise<void>;
  readonly later: Later;
};

/** Shared by all stores of this process: one may still be removing its drafts when the next begins on the same folder. */
let drafts = 0;

const LATER_AT_MOST = 64;

/** Makes the folder when it is missing. Two stores must not work on one folder at once: the table beside it sees to that. */
export function createFileObjectStore({
  directory,
  fs = diskFiles,
}: {
  directory: string;
  fs?: FileLayer;
}): ObjectStore {
  const root = resolve(directory);
  const parts = { fs, objects: join(root, 'objects'), tmp: join(root, 'tmp'), folders: createDurableFolders(fs, root) };
  const store: Store = { ...parts, started: startOnce(parts), later: createLater(LATER_AT_MOST) };
  return {
    async putOnce(key, chunks) {
      checkObjectKey(key);
      await put(store, key, chunks);
    },
    async get(key, range) {
      checkObjectKey(key);
      if (range) checkRange(range);
      return failing(false, () => readObject(store, placeOf(store, key).path, range));
    },
    async list(request) {
      checkList(request);
      return failing(false, () => listPage(store, request));
    },
    async delete(keys) {
      checkDelete(keys);
      return failing(true, () => deleteAll(store, keys));
    },
  };
}

type Parts = Omit<Store, 'started' | 'later'>;

/** Begins with the first put; a start that failed is tried again. */
function startOnce(parts: Parts): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => {
    started ??= start(parts).catch((error) => {
      started = undefined;
      throw error;
    });
    return started;
  };
}

async function start({ fs, folders, tmp, objects }: Parts): Promise<void> {
  await folders.make(tmp);
  await folders.make(objects);
  const leftovers = await fs.readdir(tmp);
  await Promise.all(leftovers.map((name) => unlessMissing(fs.unlink(join(tmp, name)))));
}

function placeOf(store: Store, key: string): { folder: string; path: string } {
  const { folders, name } = objectPath(rawOf(key));
  const folder = join(store.objects, ...folders);
  return { folder, path: join(folder, name) };
}

// --- put

type Begun = { readonly draft: string; readonly folder: OpenFolder };

async function put(store: Store, key: string, chunks: readonly Uint8Array[]): Promise<void> {
  const { folder, path } = placeOf(store, key);
  const release = store.folders.hold(folder);
  try {
    const begun = await failing(false, () => begin(store, folder, chunks));
    await publish(store, key, path, begun, chunks);
  } finally {
    release();
  }
}

/** Opens the folder while the draft is written: that takes longer. */
async function begin(store: Store, folder: string, chunks: readonly Uint8Array[]): Promise<Begun> {
  await store.started();
  const [draft, opened] = await Promise.allSettled([writeDraft(store, chunks), store.folders.open(folder)]);
  if (draft.status === 'fulfilled' && opened.status === 'fulfilled')
    return { draft: draft.value, folder: opened.value };
  if (draft.status === 'fulfilled') await store.later(store.fs.unlink(draft.value));
  if (opened.status === 'fulfilled') await store.later(opened.value.close());
  throw draft.status === 'rejected' ? draft.reason : (opened as PromiseRejectedResult).reason;
}

async function writeDraft(store: Store, chunks: readonly Uint8Array[]): Promise<string> {
  const draft = join(store.tmp, String(drafts++));
  const file = await store.fs.open(draft, 'wx');
  try {
    await writeAll(file, chunks);
    await file.sync();
    return draft;
  } catch (error) {
    await store.later(store.fs.unlink(draft));
    throw error;
  } finally {
    await store.later(file.close());
  }
}

/** A disk that fills up takes a part and refuses the next. */
async function writeAll(file: OpenFile, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest);
    rest = behind(rest, bytesWritten);
  }
}

function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let index = 0;
  for (; index < chunks.length && bytes >= chunks[index]!.byteLength; index++) bytes -= chunks[index]!.byteLength;
  const [first, ...others] = chunks.slice(index);
  return first ? [first.subarray(bytes), ...others] : [];
}

async function publish(store: Store, key: string, path: string, begun: Begun, chunks: readonly Uint8Array[]) {
  try {
    // A link that was refused was not made; after it, until the folder is synced, the object may be there or not.
    await failing(false, () => linkOnce(store, key, begun.draft, path, chunks));
    // Also when it was there: whoever linked it may have died before this.
    await failing(true, () => begun.folder.sync());
  } finally {
    await store.later(Promise.all([store.fs.unlink(begun.draft), begun.folder.close()]));
  }
}

async function linkOnce(store: Store, key: string, draft: string, path: string, chunks: readonly Uint8Array[]) {
  while (!(await tryLink(store, draft, path))) {
    const found = await readObject(store, path);
    if (found === undefined) continue; // deleted since
    if (sameBytes(found, chunks)) return;
    throw holdsOtherBytes(key);
  }
}

async function tryLink({ fs }: Store, draft: string, path: string): Promise<boolean> {
  try {
    await fs.link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function sameBytes(found: Uint8Array, chunks: readonly Uint8Array[]): boolean {
  let at = 0;
  for (const chunk of chunks) {
    if (Buffer.compare(found.subarray(at, at + chunk.byteLength), chunk) !== 0) return false;
    at += chunk.byteLength;
  }
  return at === found.byteLength;
}

/** Waits only while more than a bounded number of such works are under way. */
type Later = (work: Promise<unknown>) => Promise<void>;

function createLater(most: number): Later {
  const underWay = new Set<Promise<unknown>>();
  return async (work) => {
    // Nothing depends on it: what was written is synced, and what is not removed now is removed at the next start.
    const settled: Promise<unknown> = work.catch(() => {}).then(() => underWay.delete(settled));
    underWay.add(settled);
    while (underWay.size > most) await Promise.race(underWay);
  };
}

// --- get

async function readObject({ fs }: Store, path: string, range?: ByteRange): Promise<Uint8Array | undefined> {
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

async function readBytes(file: OpenFile, from: number, length: number): Promise<Uint8Array> {
  // Unpooled: the bytes are the caller's own, and not cleared only to be overwritten.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, from + at);
    if (bytesRead === 0) throw new Error(`the file ends ${length - at} bytes early`);
    at += bytesRead;
  }
  return bytes;
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
  const changed = new Set<string>();
  await Promise.all(
    keys.map(async (key) => {
      const { folder, path } = placeOf(store, key);
      const removed = await unlessMissing(store.fs.unlink(path).then(() => true));
      if (removed) changed.add(folder);
    }),
  );
  for (const folder of changed) {
    await unlessMissing(store.folders.sync(folder));
    store.folders.prune(folder);
  }
}

// --- errors

/** A file where a folder belongs, or a folder where a file does, holds no object. */
async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
    throw error;
  }
}

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
