// Decides which work with the disk is done in place, on the thread of the event loop, instead of on Node's threads. A trip
// there and back takes several times as long as to read a small file that the system has in memory. Whether the system has it
// is not known beforehand.
//
// Invariant: such work takes at most some milliseconds of a turn of the event loop, and one wait for the disk. The longer the
// disk keeps it waiting, the fewer calls try.
import type { Clock } from '../../runtime/clock.ts';

export type InPlace = {
  /** Whether the next call may do its work in place. */
  isOpen(): boolean;
  /** Does the work, and notes how long it took. */
  run<T>(work: () => T): T;
};

const turnMs = 2;
/** A small file in memory takes a tenth of this, and a fast disk about as much. */
const waitedMs = 0.2;
/** So many calls go to Node's threads after a wait, and more after each further wait: a busy machine causes single ones. */
const leastAside = 4;
const mostAside = 256;

export function createInPlace(clock: Pick<Clock, 'monotonic'>): InPlace {
  let leftMs = turnMs;
  let isCounting = false;
  let aside = leastAside;
  let asideLeft = 0;

  function nextTurn(): void {
    isCounting = false;
    leftMs = turnMs;
  }

  function spend(ms: number): void {
    const hasWaited = ms > waitedMs;
    asideLeft = hasWaited ? aside : 0;
    aside = hasWaited ? Math.min(mostAside, aside * 4) : leastAside;
    leftMs -= ms;
    if (isCounting) return;
    isCounting = true;
    setImmediate(nextTurn);
  }

  return {
    isOpen() {
      if (asideLeft === 0) return leftMs > 0;
      asideLeft--;
      return false;
    },
    run(work) {
      const beganMs = clock.monotonic();
      try {
        return work();
      } finally {
        spend(clock.monotonic() - beganMs);
      }
    },
  };
}
