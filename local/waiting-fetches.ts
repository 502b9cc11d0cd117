// Waiting consumers must not starve the others. One server holds a limited number of long polls, with a limited number of
// partitions together, and refuses the next one with THROTTLED. In AWS the concurrency of the fetch function does the same.

import type { Engine } from '../lib/api/engine.ts';
import { RivuletError } from '../lib/api/errors.ts';
import { createTurns } from '../lib/runtime/concurrency.ts';

export type Waiting = { readonly fetches: number; readonly partitions: number };

/** Fetches that wait for the same append end together, and each answer takes up to a millisecond to make. */
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
        throw tooMany(`${most.fetches} fetches wait already, which is the limit (waitingFetches)`);
      if (waiting.partitions + length > most.partitions)
        throw tooMany(
          `fetches wait for ${waiting.partitions} partitions already, and ${length} more would pass the limit of ${most.partitions} (waitingPartitions)`,
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

const tooMany = (what: string) => new RivuletError('THROTTLED', `${what}: fetch again later`);
