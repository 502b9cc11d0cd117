// A Lambda function as the target of deliveries: each event is one synchronous invocation.
//
// Invariant: the target never rejects. What Lambda refuses to run is no attempt; what the function did not finish is one.
import { limits } from '../../api/limits.ts';
import type { Delivery, PushTarget } from '../../api/push.ts';
import { answerOf } from './answer.ts';
import { deadlineOf } from './deadline.ts';
import { eventBody } from './event.ts';

/** The port to Lambda. An adapter is in functions/. */
export type Functions = {
  /** Throws INVALID_REQUEST if records must not or cannot be delivered to the function. */
  check(arn: string): Promise<void>;
  /** Rejects if there is no reply. */
  invoke(arn: string, body: string, signal: AbortSignal): Promise<FunctionReply>;
};

export type FunctionReply = {
  /** The status of Lambda, which is 200 also when the function threw. */
  readonly status: number;
  /** `Unhandled`, if the function threw or ran out of time. */
  readonly functionError?: string;
  readonly retryAfterMs?: number;
  /** The value that the function returned or threw, as JSON. */
  readonly body: string;
};

export type FunctionOptions = {
  readonly arn: string;
  readonly functions: Functions;
  readonly bootstrapServers: string;
  readonly reportBatchItemFailures: boolean;
};

/** A function may run for less than this. */
const longestMs = 15 * 60_000;

export function createFunctionTarget(options: FunctionOptions): PushTarget {
  const { arn, functions, bootstrapServers, reportBatchItemFailures } = options;
  return {
    async deliver(batch, { deadlineMs, signal }) {
      const { timeout, ended } = deadlineOf(deadlineMs, longestMs, signal);
      try {
        const reply = await functions.invoke(arn, eventBody(batch, bootstrapServers), ended);
        const refusal = refusalOf(reply);
        if (refusal) return refusal;
        return {
          kind: 'answered',
          answer: reportBatchItemFailures ? answerOf(reply.body, batch) : { kind: 'success' },
        };
      } catch (error) {
        const reason = timeout.aborted ? 'it did not answer in time' : (error as Error).message;
        return { kind: 'failed', error: `the function could not be invoked: ${reason}` };
      }
    },
  };
}

/** Lambda refuses an event for what it is, and would refuse it again. */
const refusedEvents = [400, 413];
/** A function that is missing, or that we may not invoke, is not there in a moment. */
const missingMs = 60_000;

/**
 * Lambda answers 429 when the function has no room, 5xx when it cannot run the function now, and 403 or 404 when it was deleted or
 * no longer lets us in. None of these is an attempt: healthy records would become dead letters.
 */
function refusalOf({ status, functionError, retryAfterMs, body }: FunctionReply): Delivery | undefined {
  const answered = `Lambda answered ${status}: ${shortened(body)}`;
  if (refusedEvents.includes(status)) return { kind: 'failed', error: answered };
  if (status !== 200) {
    const waitMs = retryAfterMs ?? (status === 429 || status >= 500 ? undefined : missingMs);
    const wait = waitMs !== undefined && { retryAfterMs: Math.min(waitMs, limits.maxRetryAfterMs) };
    return { kind: 'throttled', reason: answered, ...wait };
  }
  if (functionError !== undefined) return { kind: 'failed', error: `the function failed: ${shortened(body)}` };
  return undefined;
}

const SHOWN = 300;
const shortened = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN).toWellFormed()}...` : text);
