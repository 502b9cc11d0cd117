// This wrapper reports to the application how the service answers. The SDK retries silently for as long as its options
// allow, and a person who waits wants to know that it retries, and why.
// Invariants: the wrapper changes no call and no answer. Every run of failures that ends is followed by one recovery.
import type { Clock } from '../../lib/runtime/clock.ts';
import { errorOfProblem, isClientError, type RivuletClientError } from '../client-error.ts';
import { type Answer, type Connection, errorOfAnswer } from './connection.ts';

export type Retry = {
  readonly error: RivuletClientError;
  /** The number of requests that failed in a row, this one included, whatever part of the SDK sent them. */
  readonly attempt: number;
  /** Milliseconds since the first of them failed. */
  readonly sinceMs: number;
};

export type RetryHooks = {
  /** Called for each request whose failure can be retried: no answer, or one that says "later". Must not throw. */
  readonly onRetry?: (retry: Retry) => void;
  /** Called with the first answer after that: `attempt` requests failed, the first one `sinceMs` ago. Must not throw. */
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
      // Without a status there was no answer: the request was aborted, or could not be signed.
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

/** Where every partition of a produce request failed, the first one's error stands for all. */
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
