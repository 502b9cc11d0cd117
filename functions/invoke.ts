// Invokes other functions of the deployment asynchronously: Lambda queues the event for hours and answers immediately.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
import { RivuletError } from '../lib/api/errors.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { type AwsReply, awsRequest } from './aws-request.ts';

export type Invoke = (functionName: string, event: object) => Promise<void>;

const giveUpMs = 10_000;
/** Less than the 29 s of a function behind the API. */
const waitMs = 28_000;
/** A hint may cost an append this much time. */
const hintMs = 15;

/** Resolves when Lambda has taken the event. */
export const invoke: Invoke = async (functionName, event) => {
  try {
    const { status, body } = await send(functionName, JSON.stringify(event), 'Event', giveUpMs);
    if (status !== 202) throw new Error(`Lambda answered ${status}: ${body}`);
  } catch (error) {
    throw new RivuletError('STORAGE_UNAVAILABLE', `the function ${functionName} could not be invoked: ask again`, {
      outcome: 'unknown',
      cause: error,
    });
  }
};

/** Resolves with what the function returned. Rejects with THROTTLED while it is at its cap. */
export async function invokeAndWait(functionName: string, event: object): Promise<unknown> {
  const { status, headers, body } = await send(functionName, JSON.stringify(event), 'RequestResponse', waitMs);
  if (status === 429)
    throw new RivuletError('THROTTLED', `the function ${functionName} is at its cap`, { outcome: 'not-written' });
  if (status === 200 && headers['x-amz-function-error'] === undefined) return JSON.parse(body);
  throw new RivuletError(
    'STORAGE_UNAVAILABLE',
    `the function ${functionName} failed: ${status} ${body.slice(0, 300)}`,
    {
      outcome: 'unknown',
    },
  );
}

/** Never rejects. A hint that is lost or late does no harm. */
export async function invokeBriefly(functionName: string, event: object, send: Invoke = invoke): Promise<void> {
  const sent = send(functionName, event).catch(() => undefined);
  await Promise.race([sent, systemClock.sleep(hintMs)]);
}

function send(
  functionName: string,
  body: string,
  type: 'Event' | 'RequestResponse',
  deadlineMs: number,
): Promise<AwsReply> {
  const path = `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;
  return awsRequest({
    ...{ service: 'lambda', method: 'POST', path, body },
    headers: { 'content-type': 'application/json', 'x-amz-invocation-type': type },
    signal: AbortSignal.timeout(deadlineMs),
  });
}
