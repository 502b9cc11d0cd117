// A draft is the file of an object that does not have its name yet. It lies in the folder of the object, so that one rename
// gives it the name. After a crash, a rename was done as a whole or not at all.
//
//   <name>!<bytes>-<CRC-32>   a small object. File and folder are synced at the same time, so after a crash it may be torn.
//                             Length and checksum show that
//   <name>!                   a large one, whose checksum would hold the event loop. It is not acknowledged before its name
//                             is durable, so what a crash leaves of it is removed
//
// Invariant: a draft whose put was acknowledged is whole after every crash, and the next start gives it its name.
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { DurableFolders } from './durable-folders.ts';
import { readBytes, unlessMissing, writeAll } from './file-bytes.ts';
import type { FileLayer, OpenFile } from './file-layer.ts';
import { readName } from './object-path.ts';

/** The checksum of this many bytes takes 0.1 ms. */
const checkedBytes = 128 * 1024;

/** Where the object belongs: `path` is a name in `folder`. */
export type Place = { readonly folder: string; readonly path: string };

export type Draft = { readonly place: Place; readonly path: string; readonly isChecked: boolean };

export function draftOf(place: Place, chunks: readonly Uint8Array[]): Draft {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const isChecked = bytes <= checkedBytes;
  const path = isChecked ? `${place.path}!${bytes}-${checksumOf(chunks)}` : `${place.path}!`;
  return { place, path, isChecked };
}

const checksumOf = (chunks: readonly Uint8Array[]): string =>
  chunks
    .reduce((crc, chunk) => crc32(chunk, crc), 0)
    .toString(16)
    .padStart(8, '0');

type Disk = { readonly fs: FileLayer; readonly folders: DurableFolders };

/**
 * Writes the draft, which is open as `file`, and gives it its name. It is durable then, or for a large one when the folder is
 * synced once more.
 */
export async function publish(
  { fs, folders }: Disk,
  draft: Draft,
  file: OpenFile,
  chunks: readonly Uint8Array[],
): Promise<void> {
  await writeAll(file, chunks);
  if (draft.isChecked) await Promise.all([file.sync(), folders.sync(draft.place.folder)]);
  else await file.sync();
  await fs.rename(draft.path, draft.place.path);
}

/** The draft is gone for certain, also after a crash. */
export async function discard({ fs, folders }: Disk, draft: Draft): Promise<void> {
  await unlessMissing(fs.unlink(draft.path));
  await folders.sync(draft.place.folder);
}

// --- after a crash

/** Gives their names to the drafts that are whole, and removes the others, in this folder and below it. */
export async function settleDrafts(disk: Disk, folder: string, rawFolder = ''): Promise<void> {
  for (const name of (await unlessMissing(disk.fs.readdir(folder))) ?? []) {
    const found = readName(rawFolder, name);
    if (found?.isFolder) await settleDrafts(disk, join(folder, name), found.raw);
    const left = readDraft(folder, rawFolder, name);
    if (left) await settle(disk, folder, left);
  }
}

type Left = { readonly draft: string; readonly path: string; readonly bytes: number; readonly checksum?: string };

function readDraft(folder: string, rawFolder: string, name: string): Left | undefined {
  const [, object, bytes, checksum] = /^(.+)!(?:(\d+)-([0-9a-f]{8}))?$/.exec(name) ?? [];
  if (object === undefined || readName(rawFolder, object)?.isFolder !== false) return undefined;
  return { draft: join(folder, name), path: join(folder, object), bytes: Number(bytes), ...(checksum && { checksum }) };
}

async function settle({ fs, folders }: Disk, folder: string, left: Left): Promise<void> {
  const file = await fs.open(left.draft, 'r+');
  try {
    const whole = fs.existsSync(left.path) ? undefined : await wholeBytes(file, left);
    if (!whole) return await fs.unlink(left.draft);
    // A process that was killed may have synced nothing. If its sync had failed, only bytes that are written again are synced.
    await writeAll(file, [whole]);
    await Promise.all([file.sync(), folders.sync(folder)]);
    await fs.rename(left.draft, left.path);
  } finally {
    await file.close();
  }
}

async function wholeBytes(file: OpenFile, { bytes, checksum }: Left): Promise<Uint8Array | undefined> {
  if (checksum === undefined || (await file.stat()).size !== bytes) return undefined;
  const found = await readBytes(file, 0, bytes);
  return checksumOf([found]) === checksum ? found : undefined;
}
