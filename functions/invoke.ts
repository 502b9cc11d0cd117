// Invokes other functions of the deployment asynchronously: Lambda queues the event for hours and answers immediately.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
import { RivuletError } from '../lib/api/errors.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { sendToAws } from './aws-request.ts';

export type Invoke = (functionName: string, event: object) => Promise<void>;

const giveUpMs = 10_000;
/** A hint may cost an append this much time. */
const hintMs = 15;

/** A name may be an ARN. */
export const invocationsPath = (functionName: string): string =>
  `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;

/** Resolves when Lambda has taken the event. */
export const invoke: Invoke = async (functionName, event) => {
  try {
    const reply = await sendToAws({
      ...{ service: 'lambda', method: 'POST', path: invocationsPath(functionName), deadlineMs: giveUpMs },
      headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' },
      body: JSON.stringify(event),
    });
    if (reply.status !== 202) throw new Error(`Lambda answered ${reply.status}: ${reply.body}`);
  } catch (error) {
    throw new RivuletError('STORAGE_UNAVAILABLE', `the function ${functionName} could not be invoked: ask again`, {
      outcome: 'unknown',
      cause: error,
    });
  }
};

/** Never rejects. A hint that is lost or late does no harm. */
export async function invokeBriefly(functionName: string, event: object, send: Invoke = invoke): Promise<void> {
  const sent = send(functionName, event).catch(() => undefined);
  await Promise.race([sent, systemClock.sleep(hintMs)]);
}
