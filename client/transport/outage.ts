// Tells whoever asks how the service answers. The SDK goes on trying in silence, for as long as its options allow; a
// person who waits wants to know that it does, and why.
// Invariant: nothing is changed on its way; every run of failures that ends is followed by one recovery.
import type { Clock } from '../../lib/runtime/clock.ts';
import { errorOfProblem, isClientError, type RivuletClientError } from '../client-error.ts';
import { type Answer, type Connection, errorOfAnswer } from './connection.ts';

export type Retry = {
  readonly error: RivuletClientError;
  /** Requests that failed in a row, this one included, whoever sent them. */
  readonly attempt: number;
  /** Since the first of them failed, milliseconds. */
  readonly sinceMs: number;
};

export type RetryHooks = {
  /** Called with each request that failed in a way that is tried again: no answer, or one that says "later". Must not throw. */
  readonly onRetry?: (retry: Retry) => void;
  /** Called with the first answer after that: `attempt` failed, the first of them `sinceMs` ago. Must not throw. */
  readonly onRecovery?: (recovery: Omit<Retry, 'error'>) => void;
};

export function watchConnection(connection: Connection, clock: Clock, hooks: RetryHooks): Connection {
  let attempt = 0;
  let firstMs = 0;

  function answered(): void {
    if (attempt > 0) hooks.onRecovery?.({ attempt, sinceMs: clock.monotonic() - firstMs });
    attempt = 0;
  }

  function failed(error: unknown): void {
    if (!isClientError(error)) return;
    if (error.retriable) {
      if (++attempt === 1) firstMs = clock.monotonic();
      hooks.onRetry?.({ error, attempt, sinceMs: clock.monotonic() - firstMs });
    } else if (error.status !== undefined) {
      // Without a status nobody has answered: the request was given up, or could not be signed.
      answered();
    }
  }

  async function watched<T>(asked: Promise<T>, errorIn: (answer: T) => RivuletClientError | undefined): Promise<T> {
    try {
      const answer = await asked;
      const error = errorIn(answer);
      if (error) failed(error);
      else answered();
      return answer;
    } catch (error) {
      failed(error);
      throw error;
    }
  }

  return {
    exchange: (call) => watched(connection.exchange(call), (answer) => refusalIn(answer, call.writes)),
    ask: (call) => watched(connection.ask(call), () => undefined),
  };
}

/** Where every partition of a produce request failed, the first one's error speaks for all. */
function refusalIn(answer: Answer, writes: boolean): RivuletClientError | undefined {
  if (answer.status < 300) return undefined;
  return ofPartition(answer) ?? errorOfAnswer(answer, writes);
}

function ofPartition({ status, body }: Answer): RivuletClientError | undefined {
  try {
    const { partitions } = JSON.parse(body.toString()) as { partitions?: { error?: unknown }[] };
    return errorOfProblem(partitions?.[0]?.error, { status });
  } catch {
    return undefined;
  }
}
