// The checks and the error texts that all adapters of the ObjectStore share.
import type { ByteRange, ListRequest } from './object-store.ts';
import { StorageError } from './storage-error.ts';

export const objectLimits = { keyBytes: 1024, pageObjects: 1000, deleteKeys: 1000 } as const;

const invalid = (message: string) => new StorageError('invalid', message);

export function holdsOtherBytes(key: string): StorageError {
  return new StorageError('exists', `the object ${JSON.stringify(key)} holds other bytes`);
}

export function checkObjectKey(key: string): void {
  checkKeyText('object key', key, 1);
}

export function checkDelete(keys: readonly string[]): void {
  const most = objectLimits.deleteKeys;
  if (keys.length > most) throw invalid(`keys: expected 0..${most} keys, got ${keys.length}`);
  keys.forEach(checkObjectKey);
}

export function checkList(request: ListRequest): void {
  checkKeyText('prefix', request.prefix ?? '', 0);
  checkKeyText('after', request.after ?? '', 0);
  const most = objectLimits.pageObjects;
  const limit = request.limit ?? most;
  if (!Number.isInteger(limit) || limit < 1 || limit > most) throw invalid(`limit: expected 1..${most}, got ${limit}`);
}

export function checkRange(range: ByteRange): void {
  const { from, to } = range;
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from < to) return;
  throw invalid(`range: expected 0 <= from < to, got from ${from} to ${to}`);
}

function checkKeyText(name: string, text: string, leastBytes: number): void {
  if (!text.isWellFormed()) throw invalid(`${name}: expected well-formed text, got half of a surrogate pair`);
  const bytes = Buffer.byteLength(text);
  if (bytes >= leastBytes && bytes <= objectLimits.keyBytes) return;
  throw invalid(`${name}: expected ${leastBytes}..${objectLimits.keyBytes} bytes of UTF-8, got ${bytes}`);
}
