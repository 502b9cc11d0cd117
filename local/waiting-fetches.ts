// Consumers that wait must not starve the others: one server holds so many long polls, and so many partitions in all of them,
// and tells the next one to come back. In AWS the concurrency of the fetch function does the same.
import type { Engine } from '../lib/engine.ts';
import { RivuletError } from '../lib/errors.ts';

export type Waiting = { readonly fetches: number; readonly partitions: number };

export function withFewWaiting(engine: Engine, most: Waiting): Engine {
  const waiting = { fetches: 0, partitions: 0 };
  return {
    ...engine,
    async fetch(request) {
      if (!request.waitMs) return engine.fetch(request);
      const { length } = request.partitions;
      if (waiting.fetches >= most.fetches)
        throw tooMany(`${most.fetches} fetches are waiting already (waitingFetches)`);
      if (waiting.partitions + length > most.partitions)
        throw tooMany(
          `fetches wait for ${waiting.partitions} partitions already, ${length} more are above the limit of ${most.partitions} (waitingPartitions)`,
        );
      waiting.fetches++;
      waiting.partitions += length;
      try {
        return await engine.fetch(request);
      } finally {
        waiting.fetches--;
        waiting.partitions -= length;
      }
    },
  };
}

const tooMany = (what: string) => new RivuletError('THROTTLED', `${what}: come back later`);
