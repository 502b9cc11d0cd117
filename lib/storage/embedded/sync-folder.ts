// Makes durable which names are in a folder.
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { cannotSync, hasCode } from './file-layer.ts';

/** Makes the absolute `folder` and those above it at need, durably. It is for nobody else on the machine. */
export function makeFolder(folder: string): void {
  for (const made of makeMissing(folder)) syncReadable(dirname(made));
}

/**
 * Returns the folders that were made, the deepest first. The recursive mkdir of Node never returns where a folder above exists and yet takes no
 * new one, as /proc does.
 */
function makeMissing(folder: string): string[] {
  const above = dirname(folder);
  try {
    return makeOne(folder);
  } catch (error) {
    if (above === folder || !hasCode(error, 'ENOENT')) throw error;
  }
  const madeAbove = makeMissing(above);
  return [...makeOne(folder), ...madeAbove];
}

/** Returns nothing if the folder is there. */
function makeOne(folder: string): string[] {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return [folder];
  } catch (error) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
    throw error;
  }
}

/** One may make names in a folder and not be allowed to read it. */
function syncReadable(folder: string): void {
  try {
    syncFolder(folder);
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
  }
}

/** Windows cannot open a folder; NTFS journals names by itself. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } catch (error) {
    if (!cannotSync(error)) throw error;
  } finally {
    closeSync(handle);
  }
}
