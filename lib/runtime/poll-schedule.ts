// The poll schedule says how often a long poll looks at the heads. Each look is billed, and in AWS a look is the only
// way to see what arrives, so the time between two looks grows. A consumer that has just been served is served again
// soon. A consumer that waits long waits cheaply, for at most two seconds of delay.
const firstMs = 25;
const growth = 1.6;
/** The longest time between two looks. */
export const longestPollMs = 2_000;

/** Returns the time between look number `look` (from 0) and the next one. */
export const pollAfterMs = (look: number): number => Math.min(longestPollMs, firstMs * growth ** look);

/**
 * Returns the read units per partition of a poll that waits this long for nothing: the first look is strong, and the
 * others cost half.
 */
export function readUnitsOfWait(waitMs: number): number {
  let units = 1;
  let look = 0;
  for (let waitedMs = 0; waitedMs < waitMs; look++) {
    waitedMs += pollAfterMs(look);
    units += 0.5;
  }
  return units;
}
