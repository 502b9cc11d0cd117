// Counts the storage requests in the units that AWS bills. The decorators are inside the retrying ones, so that every try
// counts. A request gets a receipt of its own through AsyncLocalStorage, so that no call has to pass a receipt along.
// Rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
// Some counts are approximations, because the ports do not return the size of an item before a write:
// - an update that shrinks its item, and a put over a larger item, count by the new size, and a delete counts 1 unit;
// - in a transaction, updates, deletes and checks count as for an item within 1 KiB, unless the refusal returns the item;
// - a put that finds its object already there counts as one PUT, without the GET that compares.
import { AsyncLocalStorage } from 'node:async_hooks';
import { itemSize } from './item-size.ts';
import type { CallOptions, ObjectStore } from './object-store.ts';
import { StorageError } from './storage-error.ts';
import type { Check, Item, Table, TransactionResult, Write, WriteResult } from './table.ts';

/** S3 requests, bytes of object bodies, DynamoDB's read and write request units, and the conflicts and retries. */
export type Counters = {
  s3Put: number;
  s3Get: number;
  s3List: number;
  s3Delete: number;
  bytesUp: number;
  bytesDown: number;
  readUnits: number;
  writeUnits: number;
  /** Conditions that failed, and requests that failed because of a transaction or another writer of the same key. */
  conflicts: number;
  /** Requests that were sent again. */
  retries: number;
  /** Requests that were sent a second time because the first copy was slow. */
  hedges: number;
};

/**
 * List prices in USD for one unit: us-east-1, S3 Standard and DynamoDB on demand, November 2026. DELETE is free, and so are
 * bytes within a region.
 */
const usdPer: Readonly<Record<keyof Counters, number>> = {
  s3Put: 5e-6,
  s3Get: 0.4e-6,
  s3List: 5e-6,
  s3Delete: 0,
  bytesUp: 0,
  bytesDown: 0,
  readUnits: 0.125e-6,
  writeUnits: 0.625e-6,
  conflicts: 0,
  retries: 0,
  hedges: 0,
};

const names = Object.keys(usdPer) as (keyof Counters)[];

export function newCounters(): Counters {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counters;
}

/** The price of the requests. The stored bytes and the functions are not included. */
export function usdOf(counters: Counters): number {
  return names.reduce((usd, name) => usd + counters[name] * usdPer[name], 0);
}

const receipts = new AsyncLocalStorage<readonly Counters[]>();

/** Counts the requests of `work` and of everything that it awaits. Receipts may nest: the outer one includes the inner one. */
export async function withReceipt<T>(work: () => Promise<T>): Promise<{ result: T; counters: Counters }> {
  const counters = newCounters();
  const result = await receipts.run([...(receipts.getStore() ?? []), counters], work);
  return { result, counters };
}

/** `totals` grows for as long as the process lives. */
export function countingObjectStore(store: ObjectStore, totals: Counters): ObjectStore {
  return {
    async putOnce(key, chunks, options) {
      const bytesUp = chunks.reduce((bytes, chunk) => bytes + chunk.byteLength, 0);
      await counted(totals, store.putOnce(key, chunks, options), () => ({ s3Put: 1, bytesUp }), options);
    },
    get: (key, range, options) =>
      counted(
        totals,
        store.get(key, range, options),
        (bytes) => ({ s3Get: 1, bytesDown: bytes?.byteLength ?? 0 }),
        options,
      ),
    list: (request) => counted(totals, store.list(request), () => ({ s3List: 1 })),
    delete: (keys) => counted(totals, store.delete(keys), () => ({ s3Delete: keys.length === 0 ? 0 : 1 })),
  };
}

/** `totals` grows for as long as the process lives. */
export function countingTable(table: Table, totals: Counters): Table {
  const { writeBoth } = table;
  return {
    get: (key, options) =>
      counted(totals, table.get(key, options), (item) => ({
        readUnits: readUnits(item ? [item] : [], options?.strong),
      })),
    getMany: (keys, options) =>
      counted(totals, table.getMany(keys, options), (read) => ({
        readUnits: unitsOfMany(keys.length - (read?.left.length ?? 0), read?.items ?? [], options?.strong),
      })),
    query: (query) =>
      counted(totals, table.query(query), (page) => ({ readUnits: readUnits(page?.items ?? [], query.strong) })),
    write: (write, options) =>
      counted(totals, table.write(write, options), (result) => ({
        writeUnits: unitsOfWrite(write, result),
        ...refusal(result),
      })),
    transact: (actions, token) =>
      counted(totals, table.transact(actions, token), (result) => ({
        writeUnits: unitsOfTransaction(actions, result),
        ...refusal(result),
      })),
    ...(writeBoth && {
      writeBoth: (first, second) =>
        counted(totals, writeBoth(first, second), (result) => ({
          writeUnits: unitsOfWrite(first, result?.first) + (result?.second ? unitsOfWrite(second, result.second) : 0),
          ...refusal(result?.second ?? result?.first),
        })),
    }),
  };
}

const refusal = (result?: { readonly applied: boolean }) => (result?.applied === false ? { conflicts: 1 } : {});

/** The retrying decorators call this before each try after the first. */
export const countRetry = (totals: Counters): void => count(totals, { retries: 1 });

/** The hedging decorator calls this when it sends a second copy. */
export const countHedge = (totals: Counters): void => count(totals, { hedges: 1 });

/**
 * `costOf` gets no result when the request failed. AWS does not say what a failed request costs, so it counts the least. A
 * request that is aborted counts at that moment, because its receipt may be read before it ends.
 */
async function counted<T>(
  totals: Counters,
  request: Promise<T>,
  costOf: (result?: T) => Partial<Counters>,
  { signal }: CallOptions = {},
): Promise<T> {
  let isOpen = true;
  const close = (cost: Partial<Counters>) => {
    if (isOpen) count(totals, cost);
    isOpen = false;
  };
  signal?.addEventListener('abort', () => close(costOf()), { once: true });
  try {
    const result = await request;
    close(costOf(result));
    return result;
  } catch (error) {
    close(error instanceof StorageError && !isBilled(error) ? {} : costOf());
    if (error instanceof StorageError && error.reason === 'conflict') count(totals, { conflicts: 1 });
    throw error;
  }
}

/** A request that was refused before any work is not billed. */
function isBilled({ reason }: StorageError): boolean {
  return reason !== 'throttled' && reason !== 'invalid' && reason !== 'denied' && reason !== 'too-large';
}

function count(totals: Counters, cost: Partial<Counters>): void {
  for (const counters of [totals, ...(receipts.getStore() ?? [])]) {
    for (const name of names) counters[name] += cost[name] ?? 0;
  }
}

// --- DynamoDB's units

const READ_BYTES = 4096;
const WRITE_BYTES = 1024;

/**
 * A read costs one unit for each 4 KiB of all items of the reply together, and half of that when it is eventual. A read of a
 * missing item costs the least.
 */
function readUnits(items: readonly Item[], strong = false): number {
  const bytes = items.reduce((sum, item) => sum + itemSize(item), 0);
  return Math.max(1, Math.ceil(bytes / READ_BYTES)) * (strong ? 1 : 0.5);
}

/** Each key of a request for several is billed as a get of its own. */
function unitsOfMany(keys: number, items: readonly Item[], strong?: boolean): number {
  const found = items.reduce((units, item) => units + readUnits([item], strong), 0);
  return found + (keys - items.length) * readUnits([], strong);
}

function writeUnits(item: Item | undefined): number {
  return item ? Math.max(1, Math.ceil(itemSize(item) / WRITE_BYTES)) : 1;
}

/** A failed condition is billed by the size of the item that failed it. */
function unitsOfWrite(write: Write, result?: WriteResult): number {
  if (result && !result.applied) return writeUnits(result.old);
  return writeUnits(write.kind === 'put' ? write.item : result?.item);
}

/** Each action costs twice: once to prepare, once to commit. */
function unitsOfTransaction(actions: readonly (Write | Check)[], result?: TransactionResult): number {
  const olds = result && !result.applied ? result.failures.map((failure) => failure.old) : [];
  const units = actions.map((action, index) =>
    writeUnits(olds[index] ?? (action.kind === 'put' ? action.item : undefined)),
  );
  return 2 * units.reduce((sum, each) => sum + each, 0);
}
