// This clock counts milliseconds that pass even while the process does not run. The monotonic clock of a frozen machine
// may stand still, and its wall clock may jump. A lease must end as soon as either clock says so.
// Invariant: the time never goes back, and never falls behind the monotonic clock.
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
