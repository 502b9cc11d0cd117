// A hedged store, on a clock on which every call is slow: each put and each ranged get is sent twice. Chance holds up each
// copy before and after it acts, so that either may be first, and the loser acts during the call or after it. A delete waits
// for all copies: one that lands later would bring the object back. In the service, the epoch in the name keeps a sweep from
// deleting what may still land.
import { systemClock } from '../../lib/runtime/clock.ts';
import { hedgingObjectStore } from '../../lib/storage/hedge.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';

const mostMs = 3;

export function everyCallHedged(store: ObjectStore): ObjectStore {
  const pause = () => systemClock.sleep(Math.random() * mostMs);
  const held = async <T>(act: () => Promise<T>): Promise<T> => {
    await pause();
    const answer = await act();
    await pause();
    return answer;
  };
  const copies = new Set<Promise<void>>();
  // The signals do not pass: a copy that is aborted may act nevertheless.
  const slow: ObjectStore = {
    ...store,
    putOnce(key, chunks) {
      const copy = held(() => store.putOnce(key, chunks));
      copies.add(copy);
      copy.finally(() => copies.delete(copy)).catch(() => undefined);
      return copy;
    },
    get: (key, range) => held(() => store.get(key, range)),
    async delete(keys) {
      await Promise.allSettled(copies);
      return store.delete(keys);
    },
  };
  return hedgingObjectStore(slow, { ...systemClock, sleep: async () => {} }, { requestsPerHedge: 1 });
}
