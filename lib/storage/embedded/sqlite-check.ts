// The check of the whole table: SQLite's own of its structure, the checksum of each item, and the tally of all of them,
// which misses items that are gone or are those of before.
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Key } from '../table.ts';
import { damagedTable } from './sqlite-errors.ts';

export const checksumOf = ({ pk, sk }: Key, body: string): number => crc32(body, crc32(`${pk}\0${sk}\0`));

/**
 * In the transaction of the start. @returns the damaged items; throws `corrupt` when the structure is damaged, or the items
 * are not those that were written.
 */
export function checkItems(database: DatabaseSync, file: string): string[] {
  const { stored, damaged } = readItems(database, file);
  const tally = Number(database.prepare('SELECT crc FROM tally').get()?.crc);
  if (!isExplained(tally ^ stored, damaged)) throw damagedTable(file, 'items are missing or are not the latest');
  return damaged.map(({ name }) => name);
}

/** Removes the damaged items, and takes the others for all that there are. @returns the items that it removed. */
export function repairItems(database: DatabaseSync, file: string): string[] {
  const { stored, damaged } = readItems(database, file);
  const remove = database.prepare('DELETE FROM item WHERE id = ?');
  for (const { id } of damaged) remove.run(id);
  const left = damaged.reduce((tally, { crc }) => tally ^ crc, stored);
  database.prepare('UPDATE tally SET crc = ?').run(left >>> 0);
  return damaged.map(({ name }) => name);
}

type DamagedItem = { readonly id: number; readonly name: string; readonly crc: number; readonly computed: number };

/** `stored` is the exclusive or of the crc that the items have. */
function readItems(database: DatabaseSync, file: string): { stored: number; damaged: DamagedItem[] } {
  checkStructure(database, file);
  const damaged: DamagedItem[] = [];
  let stored = 0;
  for (const row of database.prepare('SELECT id, pk, sk, body, crc FROM item').iterate()) {
    const [key, crc] = [{ pk: String(row.pk), sk: String(row.sk) }, Number(row.crc)];
    const computed = checksumOf(key, String(row.body));
    if (computed !== crc) damaged.push({ id: Number(row.id), name: `${key.pk} ${key.sk}`, crc, computed });
    stored ^= crc;
  }
  return { stored, damaged };
}

/** In a damaged item either the body or the crc has changed. If it is the crc, the tally has the one that is computed now. */
function isExplained(missing: number, damaged: readonly DamagedItem[]): boolean {
  const basis: number[] = [];
  const reduced = (bits: number): number => basis.reduce((rest, one) => Math.min(rest, (rest ^ one) >>> 0), bits >>> 0);
  for (const { crc, computed } of damaged) {
    const difference = reduced(crc ^ computed);
    if (difference !== 0) basis.push(difference);
  }
  return reduced(missing) === 0;
}

export function checkStructure(database: DatabaseSync, file: string): void {
  const [found] = Object.values(database.prepare('PRAGMA integrity_check(1)').get()!);
  if (found !== 'ok') throw damagedTable(file, String(found).replaceAll('\n', ' '));
}
