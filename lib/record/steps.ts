// Long computations run in steps: a generator pauses between two steps. Where the caller may wait, as in a client, the
// generator runs through without pauses. On a server the event loop serves other requests in every pause.
import { setImmediate } from 'node:timers/promises';

export type Steps<T> = Generator<undefined, T, undefined>;

/** This is some milliseconds of work for the slowest of our decoders. */
export const stepBytes = 512 * 1024;

/** This is about three milliseconds. One unit is the work of passing over one small record. */
const unitsPerTurn = 30_000;

export type Pace = {
  /** The caller passes the cost of a round. True means that it is time to rest. */
  isDue(units: number): boolean;
  rest(): Promise<void>;
};

/** This is for loops whose length a client chose. The event loop serves other requests while they rest. */
export function createPace(): Pace {
  let left = unitsPerTurn;
  return {
    isDue(units) {
      left -= units;
      return left <= 0;
    },
    rest() {
      left = unitsPerTurn;
      return setImmediate();
    },
  };
}

export function runThrough<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Rejects with the signal's reason once the signal is aborted. */
export async function runInSteps<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
    signal?.throwIfAborted();
  }
}
