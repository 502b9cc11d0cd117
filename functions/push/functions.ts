// Lambda functions as targets of subscriptions.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
import { RivuletError } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import { unexpected } from '../../lib/api/refusal.ts';
import { checkPatterns, parseFunctionArn } from '../../lib/push/delivery/arns.ts';
import type { Functions } from '../../lib/push/delivery/function-target.ts';
import { awsRequest } from '../aws-request.ts';

const FIELD = 'target.function';
const checkMs = 10_000;

/** @param patterns The ARNs that the operator allows. `*` stands for any text. */
export function createFunctions(patterns: readonly string[]): Functions {
  return {
    async check(arn) {
      const { region } = parseFunctionArn(arn);
      checkPatterns(arn, patterns, FIELD);
      const path = `${pathOf(arn)}/configuration`;
      const signal = AbortSignal.timeout(checkMs);
      const reply = await awsRequest({ service: 'lambda', region, method: 'GET', path, signal }).catch(notAsked);
      if (reply.status === 429 || reply.status >= 500) notAsked(`Lambda answered ${reply.status}`);
      if (reply.status === 404) throw unexpected(FIELD, 'a function that exists', arn);
      if (reply.status !== 200)
        throw unexpected(
          FIELD,
          'a function that the option pushTargets or a RivuletEventSource lets this service call',
          arn,
        );
      checkTimeout((JSON.parse(reply.body) as { Timeout?: number }).Timeout ?? 0);
    },
    async invoke(arn, body, signal) {
      const { region } = parseFunctionArn(arn);
      const headers = { 'content-type': 'application/json', 'x-amz-invocation-type': 'RequestResponse' };
      const path = `${pathOf(arn)}/invocations`;
      const reply = await awsRequest({ service: 'lambda', region, method: 'POST', path, headers, body, signal });
      const { 'x-amz-function-error': functionError, 'retry-after': retryAfter } = reply.headers;
      return {
        ...{ status: reply.status, body: reply.body },
        ...(functionError !== undefined && { functionError: String(functionError) }),
        ...(retryAfter !== undefined && { retryAfterMs: Number(retryAfter) * 1000 || 0 }),
      };
    },
  };
}

function notAsked(cause: unknown): never {
  throw new RivuletError('STORAGE_UNAVAILABLE', 'Lambda could not be asked about the function: ask again', {
    ...{ outcome: 'not-written', cause },
  });
}

/** The ARN has colons, and may have a dollar sign. */
const pathOf = (arn: string): string => `/2015-03-31/functions/${encodeURIComponent(arn)}`;

/** A run of the dispatcher waits for the function, and itself may run for 15 minutes. */
function checkTimeout(seconds: number): void {
  if (seconds > limits.pushTargetTimeoutSeconds)
    throw unexpected(FIELD, `a function with a time-out of at most ${limits.pushTargetTimeoutSeconds} s`, seconds);
}
