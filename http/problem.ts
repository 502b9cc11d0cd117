// Errors as the client sees them: RFC 9457 problem documents, all made from the one catalogue in lib/api/errors.ts.
//
// Invariant: a problem never carries a stack trace, or a message of an error that we did not throw ourselves. A write that
// may have happened is REQUEST_TIMED_OUT with outcome `unknown`, never UNKNOWN_SERVER_ERROR: after that code Kafka's
// clients continue with a wrong sequence.
import { errorTitles } from '../lib/api/error-titles.ts';
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
  /** Present on writes only. */
  outcome?: Outcome;
  /** Absent where the problem is one of several results in a reply. */
  requestId?: string;
  [extra: string]: string | number | boolean | undefined;
};

/** The members of `error.extra` stand beside the standard ones. The caller omits `requestId` for a problem inside results. */
export function problemOf(error: unknown, requestId?: string): Problem {
  const known = error instanceof RivuletError ? error : rivuletErrorOf(error, false);
  const { kafkaErrorCode, status, retriable } = catalogue[known.errorCode];
  const standard = {
    type: 'about:blank' as const,
    title: errorTitles[known.errorCode],
    status,
    detail: known.message,
    errorCode: known.errorCode,
    kafkaErrorCode,
    retriable,
    ...(known.outcome !== undefined && { outcome: known.outcome }),
    ...(requestId !== undefined && { requestId }),
  };
  // The standard members come twice: first for their order, last so that no extra member can replace them.
  return { ...standard, ...known.extra, ...standard };
}

/** A throttled table takes seconds to split. A client adds its own growing back-off to this. */
export const RETRY_AFTER_S = '1';

/** The whole reply. The servers use it too, when a request fails before it reaches a handler. */
export function problemResult(error: unknown, requestId: string): HttpResult {
  const problem = problemOf(error, requestId);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (typeof problem.allow === 'string') headers.allow = problem.allow;
  if (problem.status === 429) headers['retry-after'] = RETRY_AFTER_S;
  // RFC 9110, 12.5.3: the answer to a refused coding names the codings that are accepted.
  if (problem.field === 'header.content-encoding') headers['accept-encoding'] = 'gzip';
  return { statusCode: problem.status, headers, body: JSON.stringify(problem) };
}

/** Turns anything thrown below a handler into an error of the catalogue. The error of a write states its outcome. */
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

/** The engine states an outcome that is not obvious. A 4xx without one was refused before anything was written. */
function withOutcome(error: RivuletError): RivuletError {
  if (error.outcome !== undefined) return error;
  const outcome = error.status < 500 ? 'not-written' : 'unknown';
  return new RivuletError(error.errorCode, error.message, { outcome, extra: { ...error.extra }, cause: error.cause });
}

/** The engine looks a topic up in the same way for reads and writes, so a failed read may carry an outcome: remove it. */
function withoutOutcome({ errorCode, message, extra, cause }: RivuletError): RivuletError {
  return new RivuletError(errorCode, message, { extra: { ...extra }, cause });
}
