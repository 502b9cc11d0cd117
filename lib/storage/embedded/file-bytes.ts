// Whole reads and writes over a file layer, which may do a part of what it is asked.
import { hasCode, type OpenFile } from './file-layer.ts';

/** A disk that fills up takes a part and refuses the next. */
export async function writeAll(file: OpenFile, chunks: readonly Uint8Array[]): Promise<void> {
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

/** Unpooled: the bytes are the caller's own. They are not cleared, because they will be overwritten. */
export const newBytes = (length: number): Uint8Array => new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);

export async function readBytes(file: OpenFile, from: number, length: number): Promise<Uint8Array> {
  const bytes = newBytes(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, from + at);
    if (bytesRead === 0) throw new Error(`the file ends ${length - at} bytes early`);
    at += bytesRead;
  }
  return bytes;
}

/** A file where a folder belongs, or a folder where a file does, holds no object. */
export async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
    throw error;
  }
}
