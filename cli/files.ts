// The files that are named on the command line. The error for an unreadable file begins with the flag that names it.
import { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

async function opened(flag: string, path: string): Promise<FileHandle> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${cause.code})`;
    throw new Error(`${flag} ${JSON.stringify(path)}: ${reason}`, { cause });
  });
  if (!(await file.stat()).isDirectory()) return file;
  await file.close();
  throw new Error(`${flag} ${JSON.stringify(path)}: it is a directory`);
}

export async function textOf(flag: string, path: string): Promise<string> {
  await using file = await opened(flag, path);
  return file.readFile('utf8');
}

/** Opens the file, or standard input if there is no path. */
export async function streamOf(flag: string, path: string | undefined): Promise<Readable> {
  if (path !== undefined) return (await opened(flag, path)).createReadStream({ highWaterMark: 262_144 });
  // Node reads a directory as an empty input.
  if (fstatSync(0).isDirectory()) throw new Error('standard input: it is a directory');
  return process.stdin;
}
