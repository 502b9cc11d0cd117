// Makes durable which names are in a folder.
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { cannotSync, hasCode } from './file-layer.ts';

/** Makes the absolute `folder` and those above it at need, durably. It is for nobody else on the machine. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) syncReadable(dirname(made));
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
