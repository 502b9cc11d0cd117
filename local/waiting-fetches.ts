// Consumers that wait must not starve the others: one server holds so many long polls, and so many partitions in all of them,
// and tells the next one to come back. In AWS the concurrency of the fetch function does the same.

import type { Engine } from '../lib/api/engine.ts';
import { RivuletError } from '../lib/api/errors.ts';
import { createTurns } from '../lib/runtime/concurrency.ts';

export type Waiting = { readonly fetches: number; readonly partitions: number };

/** What waits for one thing ends together, and to make an answer takes up to a millisecond. */
const answersPerTurn = 16;

export function withFewWaiting(engine: Engine, most: Waiting): Engine {
  const waiting = { fetches: 0, partitions: 0 };
  const turn = createTurns(answersPerTurn);
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
        const reply = await engine.fetch(request);
        await new Promise<void>(turn);
        return reply;
      } finally {
        waiting.fetches--;
        waiting.partitions -= length;
      }
    },
  };
}

const tooMany = (what: string) => new RivuletError('THROTTLED', `${what}: come back later`);
