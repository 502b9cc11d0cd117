// A fault at one call of the ports. A test runs its work once for each call that the work makes, until none is left.
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';

export const faults = ['request lost', 'reply lost', 'acts later', 'acts twice', 'throttled'] as const;
export type Fault = (typeof faults)[number];

/**
 * This breaks call number `at` of either port (counted from `arm`). A request that `acts later` lands after
 * `laterCalls` more.
 */
export function breakOne(fault: Fault, at: number, laterCalls: number) {
  let calls = Number.NEGATIVE_INFINITY;
  const landing: { due: number; act: () => Promise<unknown> }[] = [];
  const noAnswer = () => new StorageError('no-answer', 'injected');

  async function call<T>(act: () => Promise<T>): Promise<T> {
    const number = calls++;
    for (const late of landing.splice(0)) {
      if (late.due <= number) await late.act().catch(() => {});
      else landing.push(late);
    }
    if (number !== at) return act();
    if (fault === 'throttled') throw new StorageError('throttled', 'injected');
    if (fault === 'acts later') landing.push({ due: number + laterCalls, act });
    if (fault === 'acts twice') await act();
    if (fault === 'acts twice' || fault === 'reply lost') await act();
    if (fault === 'acts twice') return act();
    throw noAnswer();
  }

  return {
    arm: () => {
      calls = 0;
    },
    /** True when the broken call was reached. The sweep over `at` is over when it was not reached. */
    fired: () => calls > at,
    async settle() {
      calls = Number.POSITIVE_INFINITY;
      for (const late of landing.splice(0)) await late.act().catch(() => {});
    },
    table: (table: Table): Table => ({
      get: (...args) => call(() => table.get(...args)),
      getMany: (...args) => call(() => table.getMany(...args)),
      query: (...args) => call(() => table.query(...args)),
      write: (...args) => call(() => table.write(...args)),
      transact: (...args) => call(() => table.transact(...args)),
    }),
    objects: (objects: ObjectStore): ObjectStore => ({
      putOnce: (...args) => call(() => objects.putOnce(...args)),
      get: (...args) => call(() => objects.get(...args)),
      list: (...args) => call(() => objects.list(...args)),
      delete: (...args) => call(() => objects.delete(...args)),
    }),
  };
}
