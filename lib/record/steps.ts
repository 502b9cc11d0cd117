// Long computations in steps: a generator pauses between two steps. It runs through where the caller may wait, as in a
// client; on a server the event loop serves others in every pause.
import { setImmediate } from 'node:timers/promises';

export type Steps<T> = Generator<undefined, T, undefined>;

/** Some milliseconds of work for the slowest of our decoders. */
export const stepBytes = 512 * 1024;

/** About three milliseconds, where a unit is what it takes to pass over one small record. */
const unitsPerTurn = 30_000;

export type Pace = {
  /** What a round has cost. True: it is time to rest. */
  isDue(units: number): boolean;
  rest(): Promise<void>;
};

/** For loops over what a client chose the length of: the event loop serves others while they rest. */
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
