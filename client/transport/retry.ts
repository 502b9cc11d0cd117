// This file retries the calls that stand alone: metadata, producer ids, offsets, administration. The producer has its own
// retries (producer/producer.ts), because they must keep sequences.
import { type Clock, fullJitterMs } from '../../lib/runtime/clock.ts';
import { isClientError, type RivuletClientError } from '../client-error.ts';
import { wholeOption } from '../whole-option.ts';

export type RetryOptions = {
  /** The number of tries after the first. Default 8. A producer's sends have their own option `retries`. */
  readonly retries?: number;
  /** The bound of the first wait, milliseconds. It doubles with each further wait. Default 100. */
  readonly baseMs?: number;
  /** The bound of any wait, milliseconds. Default 5,000. */
  readonly capMs?: number;
};

/** The longest time that Node's timers accept. */
const longestMs = 2_147_483_647;

export type RetryPolicy = Required<RetryOptions>;

export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  return {
    retries: wholeOption('retry.retries', options.retries, { fallback: 8, min: 0 }),
    baseMs: wholeOption('retry.baseMs', options.baseMs, { fallback: 100, min: 0, max: longestMs }),
    capMs: wholeOption('retry.capMs', options.capMs, { fallback: 5_000, min: 0, max: longestMs }),
  };
}

/** A server that asks for more is not obeyed: it would stop a client for ever. */
const longestRetryAfterMs = 60_000;

/**
 * How long to wait after failure number `failures` (from 1). The wait that the server asked for comes on top of the jitter:
 * otherwise all clients that it refused together would return together.
 */
export function backoffMs(clock: Clock, policy: RetryPolicy, failures: number, error?: RivuletClientError): number {
  const askedMs = Math.min(error?.retryAfterMs ?? 0, longestRetryAfterMs);
  return askedMs + fullJitterMs(clock, failures - 1, policy.baseMs, policy.capMs);
}

/**
 * Repeats `operation` while its error is retriable. `operation` receives the error of an earlier try, so that a write can
 * distinguish its own earlier, unanswered try from the work of another client.
 */
export async function retrying<T>(
  clock: Clock,
  policy: RetryPolicy,
  operation: (before: RivuletClientError | undefined) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let before: RivuletClientError | undefined;
  for (let failures = 0; ; ) {
    try {
      return await operation(before);
    } catch (error) {
      if (!isClientError(error) || !error.retriable || ++failures > policy.retries || signal?.aborted) throw error;
      // One unanswered try is never forgotten: a later answer of "not written" is about the later try only.
      before = before?.outcome === 'unknown' ? before : error;
      await pause(backoffMs(clock, policy, failures, error), signal);
    }
  }
}

/** Sleeps. An abort ends the sleep early, without an error, and clears the timer, which would keep the process alive. */
export function pause(waitMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    signal?.addEventListener('abort', done);
  });
}
