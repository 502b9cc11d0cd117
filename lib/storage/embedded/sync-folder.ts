// Makes durable which names are in a folder.
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Windows cannot open a folder; NTFS journals names by itself. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
