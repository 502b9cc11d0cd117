// Milliseconds that pass also while the process does not run. A frozen machine's monotonic clock may stand still, and its
// wall clock may jump; a lease must end when either says so.
// Invariant: never goes back, and never falls behind the monotonic clock.
import type { Clock } from '../../lib/runtime/clock.ts';

export function steadyTime(clock: Clock): () => number {
  let monotonicMs = clock.monotonic();
  let wallMs = clock.now();
  let elapsedMs = 0;
  return () => {
    const before = { monotonicMs, wallMs };
    monotonicMs = clock.monotonic();
    wallMs = clock.now();
    elapsedMs += Math.max(monotonicMs - before.monotonicMs, wallMs - before.wallMs);
    return elapsedMs;
  };
}
