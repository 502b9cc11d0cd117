// Consumers that wait must not starve the others: one server holds so many long polls, and tells the next one to come back.
// In AWS the concurrency of the fetch function does the same.
import type { Engine } from '../lib/engine.ts';
import { RivuletError } from '../lib/errors.ts';

export function withFewWaiting(engine: Engine, most: number): Engine {
  let waiting = 0;
  return {
    ...engine,
    async fetch(request) {
      if (!request.waitMs) return engine.fetch(request);
      if (waiting >= most)
        throw new RivuletError('THROTTLED', `${most} fetches are waiting already (waitingFetches): come back later`);
      waiting++;
      try {
        return await engine.fetch(request);
      } finally {
        waiting--;
      }
    },
  };
}
