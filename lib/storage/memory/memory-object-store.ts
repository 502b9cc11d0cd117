// The ObjectStore in memory, for simulations and as the simplest statement of the port's meaning. One call is one step:
// no other call interleaves with it. Bytes are copied in and out, so that callers never hold the stored bytes.
import type { Clock } from '../../runtime/clock.ts';
import { firstAfter, firstAtOrAfter } from '../key-order.ts';
import { checkDelete, checkList, checkObjectKey, checkRange, holdsOtherBytes, objectLimits } from '../object-rules.ts';
import type { ListRequest, ObjectPage, ObjectStore } from '../object-store.ts';

type StoredObject = { readonly bytes: Buffer; readonly modifiedMs: number };

export function createMemoryObjectStore({ clock }: { clock: Pick<Clock, 'now'> }): ObjectStore {
  const objects = new Map<string, StoredObject>();
  const keys: string[] = [];
  return {
    async putOnce(key, chunks) {
      checkObjectKey(key);
      const bytes = Buffer.concat(chunks);
      const old = objects.get(key);
      if (old && !old.bytes.equals(bytes)) throw holdsOtherBytes(key);
      if (old) return;
      keys.splice(firstAtOrAfter(keys, key), 0, key);
      objects.set(key, { bytes, modifiedMs: clock.now() });
    },
    async get(key, range) {
      checkObjectKey(key);
      if (range) checkRange(range);
      const bytes = objects.get(key)?.bytes;
      return bytes && new Uint8Array(bytes.subarray(range?.from, range?.to));
    },
    async list(request) {
      checkList(request);
      return page(keys, objects, request);
    },
    async delete(doomed) {
      checkDelete(doomed);
      for (const key of doomed) {
        if (objects.delete(key)) keys.splice(firstAtOrAfter(keys, key), 1);
      }
    },
  };
}

function page(keys: readonly string[], objects: ReadonlyMap<string, StoredObject>, request: ListRequest): ObjectPage {
  const { prefix = '', after = '', limit = objectLimits.pageObjects } = request;
  const begin = Math.max(firstAtOrAfter(keys, prefix), firstAfter(keys, after));
  let end = begin;
  while (end < keys.length && end - begin < limit && keys[end]!.startsWith(prefix)) end++;
  return {
    objects: keys.slice(begin, end).map((key) => {
      const { bytes, modifiedMs } = objects.get(key)!;
      return { key, bytes: bytes.byteLength, modifiedMs };
    }),
    more: end < keys.length && keys[end]!.startsWith(prefix),
  };
}
