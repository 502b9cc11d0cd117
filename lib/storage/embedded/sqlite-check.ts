// The check of the whole table: SQLite's own of its structure, the checksum of each item, and the tally of all of them,
// which misses items that are gone or are those of before.
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Key } from '../table.ts';
import { damagedTable } from './sqlite-errors.ts';

export const checksumOf = ({ pk, sk }: Key, body: string): number => crc32(body, crc32(`${pk}\0${sk}\0`));

/** @returns the damaged items; throws `corrupt` when the structure is damaged, or the items are not those that were written. */
export function checkItems(database: DatabaseSync, file: string): string[] {
  checkStructure(database, file);
  const damaged: string[] = [];
  let tally = 0;
  for (const { pk, sk, body, crc } of database.prepare('SELECT pk, sk, body, crc FROM item').iterate()) {
    const key = { pk: String(pk), sk: String(sk) };
    if (typeof body !== 'string' || checksumOf(key, body) !== crc) damaged.push(`${key.pk} ${key.sk}`);
    tally ^= Number(crc);
  }
  if (tally >>> 0 !== database.prepare('SELECT crc FROM tally').get()?.crc)
    throw damagedTable(file, 'items are missing or are not the latest');
  return damaged;
}

export function checkStructure(database: DatabaseSync, file: string): void {
  const [found] = Object.values(database.prepare('PRAGMA integrity_check(1)').get()!);
  if (found !== 'ok') throw damagedTable(file, String(found).replaceAll('\n', ' '));
}
