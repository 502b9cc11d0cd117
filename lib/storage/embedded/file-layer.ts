// This is what the file object store needs from a file system. It has the shape of node:fs/promises, cut down to what the
// store uses. So a test can put a file system underneath that loses power.
import fs, { closeSync, fstatSync, openSync, readSync, rmdirSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Errors carry Node's `code`: ENOENT, EEXIST, ENOSPC ... */
export type FileLayer = {
  open(path: string, flags: 'r' | 'r+' | 'w'): Promise<OpenFile>;
  /** Is synchronous, because a folder in use is in memory: a trip to Node's threads takes far longer. */
  openFolderSync(path: string): OpenFolder;
  /**
   * Reads from `position` on until `into` is full or the file ends.
   * @returns the number of bytes.
   */
  readSync(path: string, into: Uint8Array, position: number): number;
  /** Gives a file another name in the same folder: after a crash it has the one or the other. It replaces what is there. */
  rename(path: string, newPath: string): Promise<void>;
  /** Looks up one name, which takes microseconds. Throws when it cannot tell. */
  existsSync(path: string): boolean;
  unlink(path: string): Promise<void>;
  mkdir(path: string): Promise<unknown>;
  /** This is synchronous, so that none of our code runs between the decision and the deed. */
  rmdirSync(path: string): void;
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<FileInfo>;
};

export type OpenFile = {
  /** Writes behind what was written since the file was opened: at the beginning first. */
  writev(chunks: readonly Uint8Array[]): Promise<{ bytesWritten: number }>;
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<FileInfo>;
  sync(): Promise<void>;
  close(): Promise<void>;
};

/** Its sync makes durable which names are in the folder. */
export type OpenFolder = Pick<OpenFile, 'sync' | 'close'>;

type FileInfo = { readonly size: number; readonly mtimeMs: number };

/** Other users of the machine have no access to what the store makes. */
export const diskFiles: FileLayer = {
  open: openOnDisk,
  openFolderSync: (path) => syncing(openSync(path, 'r')),
  readSync: readOnDisk,
  rename,
  // Node's own existsSync takes every error for a missing file.
  existsSync: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  unlink,
  mkdir: (path) => mkdir(path, { mode: 0o700 }),
  rmdirSync,
  readdir: (path) => readdir(path),
  stat: (path) => stat(path),
};

const [open, writev, read, fsync] = [promisify(fs.open), promisify(fs.writev), promisify(fs.read), promisify(fs.fsync)];

/** A call that cannot wait for the disk is not sent through Node's threads: that would take ten times as long as the call. */
async function openOnDisk(path: string, flags: 'r' | 'r+' | 'w'): Promise<OpenFile> {
  const file = await open(path, flags, 0o600);
  return {
    writev: (chunks) => writev(file, chunks),
    read: (into, offset, length, position) => read(file, into, offset, length, position),
    stat: async () => fstatSync(file),
    ...syncing(file),
  };
}

function readOnDisk(path: string, into: Uint8Array, position: number): number {
  const file = openSync(path, 'r');
  try {
    let at = 0;
    for (let read = -1; read !== 0 && at < into.length; at += read)
      read = readSync(file, into, at, into.length - at, position + at);
    return at;
  } finally {
    closeSync(file);
  }
}

const syncing = (file: number): OpenFolder => ({ sync: () => fsync(file), close: async () => closeSync(file) });

/**
 * Some network and FUSE file systems cannot sync a folder. Its names are then as durable as the file system makes them.
 */
export const cannotSync = (error: unknown): boolean => hasCode(error, 'EINVAL', 'ENOTSUP', 'ENOSYS');

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(error.code as string);
