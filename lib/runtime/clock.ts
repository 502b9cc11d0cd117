// Time and chance, injected: nothing else in lib/ reads a clock or a random number, so that a test or a
// simulation can replay every history.
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

export type Clock = {
  /** Wall-clock milliseconds since 1970. May jump and may disagree with other machines: no guarantee rests on it. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For deadlines and durations inside one process. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
  randomBytes(count: number): Uint8Array;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
};

/**
 * How long to wait before try number `attempt` (0 = the first repeat): full jitter, uniform in [0, min(cap, base * 2^attempt)).
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitterMs(clock: Pick<Clock, 'random'>, attempt: number, baseMs: number, capMs: number): number {
  return clock.random() * Math.min(capMs, baseMs * 2 ** attempt);
}
