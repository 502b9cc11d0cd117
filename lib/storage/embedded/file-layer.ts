// This is what the file object store needs from a file system. It has the shape of node:fs/promises, cut down to what the
// store uses. So a test can put a file system underneath that loses power.
import { rmdirSync } from 'node:fs';
import fs from 'node:fs/promises';

/** Errors carry Node's `code`: ENOENT, EEXIST, ENOSPC ... */
export type FileLayer = {
  open(path: string, flags: 'r' | 'wx'): Promise<OpenFile>;
  /** Gives a file a second name, atomically. It fails with EEXIST when the name is taken. */
  link(path: string, newPath: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string): Promise<unknown>;
  /** This is synchronous, so that none of our code runs between the decision and the deed. */
  rmdirSync(path: string): void;
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<FileInfo>;
};

export type OpenFile = {
  writev(chunks: readonly Uint8Array[]): Promise<{ bytesWritten: number }>;
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<FileInfo>;
  sync(): Promise<void>;
  close(): Promise<void>;
};

type FileInfo = { readonly size: number; readonly mtimeMs: number };

/** Other users of the machine have no access to what the store makes. */
export const diskFiles: FileLayer = {
  open: (path, flags) => fs.open(path, flags, 0o600),
  link: fs.link,
  unlink: fs.unlink,
  mkdir: (path) => fs.mkdir(path, { mode: 0o700 }),
  rmdirSync,
  readdir: (path) => fs.readdir(path),
  stat: (path) => fs.stat(path),
};

/**
 * Some network and FUSE file systems cannot sync a folder. Its names are then as durable as the file system makes them.
 */
export const cannotSync = (error: unknown): boolean => hasCode(error, 'EINVAL', 'ENOTSUP', 'ENOSYS');

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(error.code as string);
