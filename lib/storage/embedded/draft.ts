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
import type { FileLayer, OpenFile, OpenFolder } from './file-layer.ts';
import { readName } from './object-path.ts';

/** The checksum of this many bytes takes 0.1 ms. */
const checkedBytes = 128 * 1024;

export type Draft = { readonly path: string; readonly isChecked: boolean };

/** `path` is that of the object. */
export function draftOf(path: string, chunks: readonly Uint8Array[]): Draft {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const isChecked = bytes <= checkedBytes;
  return { path: isChecked ? `${path}!${bytes}-${checksumOf(chunks)}` : `${path}!`, isChecked };
}

const checksumOf = (chunks: readonly Uint8Array[]): string =>
  chunks
    .reduce((crc, chunk) => crc32(chunk, crc), 0)
    .toString(16)
    .padStart(8, '0');

export type OpenDraft = { readonly file: OpenFile; readonly folder: OpenFolder };

/** Writes the draft and gives it its name. It is durable then, or for a large one when the folder is synced once more. */
export async function publish(
  fs: FileLayer,
  { file, folder }: OpenDraft,
  draft: Draft,
  path: string,
  chunks: readonly Uint8Array[],
): Promise<void> {
  await writeAll(file, chunks);
  if (draft.isChecked) await Promise.all([file.sync(), folder.sync()]);
  else await file.sync();
  await fs.rename(draft.path, path);
}

/** The draft is gone for certain, also after a crash. */
export async function discard(fs: FileLayer, folder: OpenFolder, draft: Draft): Promise<void> {
  await unlessMissing(fs.unlink(draft.path));
  await folder.sync();
}

// --- after a crash

/** Gives their names to the drafts that are whole, and removes the others, in this folder and below it. */
export async function settleDrafts(
  fs: FileLayer,
  folders: DurableFolders,
  folder: string,
  rawFolder = '',
): Promise<void> {
  for (const name of (await unlessMissing(fs.readdir(folder))) ?? []) {
    const found = readName(rawFolder, name);
    if (found?.isFolder) await settleDrafts(fs, folders, join(folder, name), found.raw);
    const left = readDraft(folder, rawFolder, name);
    if (left) await settle(fs, folders, folder, left);
  }
}

type Left = { readonly draft: string; readonly path: string; readonly bytes: number; readonly checksum?: string };

function readDraft(folder: string, rawFolder: string, name: string): Left | undefined {
  const [, object, bytes, checksum] = /^(.+)!(?:(\d+)-([0-9a-f]{8}))?$/.exec(name) ?? [];
  if (object === undefined || readName(rawFolder, object)?.isFolder !== false) return undefined;
  return { draft: join(folder, name), path: join(folder, object), bytes: Number(bytes), ...(checksum && { checksum }) };
}

async function settle(fs: FileLayer, folders: DurableFolders, folder: string, left: Left): Promise<void> {
  const file = await fs.open(left.draft, 'r+');
  try {
    const isWanted = !fs.existsSync(left.path) && (await isWhole(file, left));
    if (!isWanted) return await fs.unlink(left.draft);
    // A process that was killed may have written all of it and synced nothing.
    await Promise.all([file.sync(), folders.sync(folder)]);
    await fs.rename(left.draft, left.path);
  } finally {
    await file.close();
  }
}

async function isWhole(file: OpenFile, { bytes, checksum }: Left): Promise<boolean> {
  if (checksum === undefined || (await file.stat()).size !== bytes) return false;
  return checksumOf([await readBytes(file, 0, bytes)]) === checksum;
}
