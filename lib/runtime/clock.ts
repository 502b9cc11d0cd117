// Time and chance are injected. Nothing else in lib/ reads a clock or a random number, so that a test or a simulation
// can replay every history.
import { randomBytes } from 'node:crypto';

export type Clock = {
  /**
   * Wall-clock milliseconds since 1970. This clock may jump and may disagree with other machines, so no guarantee
   * depends on it.
   */
  now(): number;
  /**
   * Milliseconds from an arbitrary start, which never go back. They serve for deadlines and durations inside one
   * process.
   */
  monotonic(): number;
  /** A signal may end it early. A timer that is left would keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
  randomBytes(count: number): Uint8Array;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end, { once: true });
    }),
  random: () => Math.random(),
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
};

/**
 * Returns how long to wait before try number `attempt` (0 = the first repeat).
 * The jitter is full, that is uniform in [0, min(cap, base * 2^attempt)).
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitterMs(clock: Pick<Clock, 'random'>, attempt: number, baseMs: number, capMs: number): number {
  return clock.random() * Math.min(capMs, baseMs * 2 ** attempt);
}
