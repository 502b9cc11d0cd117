// Tells the groups that a topic was created, changed or deleted.
import { RivuletError } from '../api/errors.ts';
import { topicsChangedKey } from '../storage/keys.ts';
import { StorageError } from '../storage/storage-error.ts';
import type { Table } from '../storage/table.ts';

/**
 * Groups compare the counter, and look at their topics when it has grown. It is also raised after a repeat of an
 * earlier change: the process that made the change may have died before this step. Maintenance finds what is missed
 * nevertheless.
 */
export async function announced<T>(table: Table, change: Promise<T>): Promise<T> {
  const tell = () =>
    table.write({ kind: 'update', key: topicsChangedKey, update: { add: [['n', 1]] } }).catch((error) => {
      if (!(error instanceof StorageError)) throw error;
    });
  try {
    const result = await change;
    await tell();
    return result;
  } catch (error) {
    if (error instanceof RivuletError && error.errorCode === 'TOPIC_ALREADY_EXISTS') await tell();
    throw error;
  }
}
