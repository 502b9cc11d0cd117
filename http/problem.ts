// Errors as the client sees them: RFC 9457 problem documents, all from the one catalogue in lib/api/errors.ts.
//
// Invariant: a problem never carries a stack trace or a message of something we did not throw ourselves, and a write
// that may have happened is REQUEST_TIMED_OUT with outcome `unknown`, never UNKNOWN_SERVER_ERROR: on that one Kafka's
// clients go on with a wrong sequence.
import { catalogue, type ErrorCode, type Outcome, RivuletError } from '../lib/api/errors.ts';
import { errorOfStorage } from '../lib/storage/outcome.ts';
import { StorageError } from '../lib/storage/storage-error.ts';
import type { HttpResult } from './http-event.ts';

export type Problem = {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  errorCode: ErrorCode;
  kafkaErrorCode: number;
  retriable: boolean;
  /** On writes only. */
  outcome?: Outcome;
  /** Absent inside a result of several parts. */
  requestId?: string;
  [extra: string]: string | number | boolean | undefined;
};

/** The members of `error.extra` stand beside the standard ones; `requestId` is left out inside results. */
export function problemOf(error: unknown, requestId?: string): Problem {
  const known = error instanceof RivuletError ? error : rivuletErrorOf(error, false);
  const { kafkaErrorCode, status, retriable, title } = catalogue[known.errorCode];
  const standard = {
    type: 'about:blank' as const,
    title,
    status,
    detail: known.message,
    errorCode: known.errorCode,
    kafkaErrorCode,
    retriable,
    ...(known.outcome !== undefined && { outcome: known.outcome }),
    ...(requestId !== undefined && { requestId }),
  };
  // Once for the order, once so that no extra member takes the place of a standard one.
  return { ...standard, ...known.extra, ...standard };
}

/** The whole reply: for the servers too, where a request fails before it reaches a handler. */
export function problemResult(error: unknown, requestId: string): HttpResult {
  const problem = problemOf(error, requestId);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (typeof problem.allow === 'string') headers.allow = problem.allow;
  // RFC 9110, 12.5.3: what a refused coding is answered with.
  if (problem.field === 'header.content-encoding') headers['accept-encoding'] = 'gzip';
  return { statusCode: problem.status, headers, body: JSON.stringify(problem) };
}

/** Whatever was thrown below a handler, as an error of the catalogue; that of a write states its outcome. */
export function rivuletErrorOf(error: unknown, writes: boolean): RivuletError {
  if (error instanceof RivuletError) return writes ? withOutcome(error) : withoutOutcome(error);
  if (error instanceof StorageError) return rivuletErrorOf(errorOfStorage(error, false, writes), writes);
  if (!writes)
    return new RivuletError('UNKNOWN_SERVER_ERROR', 'The server failed; its log has the reason.', { cause: error });
  return new RivuletError('REQUEST_TIMED_OUT', 'The server failed while it wrote; its log has the reason.', {
    outcome: 'unknown',
    cause: error,
  });
}

/** The engine states the outcome where it is not plain; a 4xx that does not say so was refused before anything was written. */
function withOutcome(error: RivuletError): RivuletError {
  if (error.outcome !== undefined) return error;
  const outcome = error.status < 500 ? 'not-written' : 'unknown';
  return new RivuletError(error.errorCode, error.message, { outcome, extra: { ...error.extra }, cause: error.cause });
}

/** The engine looks a topic up in the same way for reads and writes; a failed read has no outcome. */
function withoutOutcome({ errorCode, message, extra, cause }: RivuletError): RivuletError {
  return new RivuletError(errorCode, message, { extra: { ...extra }, cause });
}
