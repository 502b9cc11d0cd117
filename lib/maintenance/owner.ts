// A bucket belongs to one table. A table that was restored beside the live one does not name the newer objects of the
// live log, so a sweep from it would delete them. The bucket therefore holds the name of its table, and a sweep from any
// other table deletes nothing. The name comes from outside the table, because a restored table has every item of the
// original.
//
// Objects are never changed. So the bucket holds a sequence of numbered names, and the greatest number counts. The
// process that first puts a number has it, and a late copy of a put finds its number taken.
import { tableNameKey, tableNamesPrefix } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { StorageError } from '../storage/storage-error.ts';

export type Owned = {
  readonly objects: ObjectStore;
  /** Distinguishes the table from all others that could be used with this bucket. In AWS it is the ARN. */
  readonly tableName: string;
};
type Owner = { readonly number: number; readonly tableName: string };

/** @returns the name of the table that the bucket belongs to; undefined if it has none yet. */
export async function bucketOwner(objects: ObjectStore): Promise<string | undefined> {
  return (await ownerOf(objects))?.tableName;
}

/** Gives a bucket that has no name yet to this table. @returns the name of the table that the bucket belongs to then. */
export async function claimBucket(owned: Owned): Promise<string> {
  const owner = await ownerOf(owned.objects);
  return owner ? owner.tableName : putName(owned, 1);
}

/** Gives the bucket to this table: the last step of a restore. @returns the table that the bucket belongs to then. */
export async function adoptBucket(owned: Owned): Promise<string> {
  const owner = await ownerOf(owned.objects);
  const isOurs = owner?.tableName === owned.tableName;
  return isOurs ? owned.tableName : putName(owned, (owner?.number ?? 0) + 1);
}

/** The answer is read back: another process may have put the number first, or the next one since. */
async function putName({ objects, tableName }: Owned, number: number): Promise<string> {
  try {
    await objects.putOnce(tableNameKey(number), [Buffer.from(tableName, 'utf8')]);
  } catch (error) {
    const isTaken = error instanceof StorageError && error.reason === 'exists';
    if (!isTaken) throw error;
  }
  return (await ownerOf(objects))!.tableName;
}

async function ownerOf(objects: ObjectStore): Promise<Owner | undefined> {
  let last: string | undefined;
  for (let more = true; more; ) {
    const page = await objects.list({ prefix: tableNamesPrefix, ...(last !== undefined && { after: last }) });
    last = page.objects.at(-1)?.key ?? last;
    more = page.more;
  }
  if (last === undefined) return undefined;
  const bytes = await objects.get(last);
  if (!bytes) throw new StorageError('corrupt', `the object ${last} is missing, or this role may not read it`);
  return { number: Number(last.slice(tableNamesPrefix.length)), tableName: Buffer.from(bytes).toString('utf8') };
}
