// Invokes other functions of the deployment asynchronously: Lambda queues the event for hours and answers immediately. Our
// own signature and fetch do this, because an SDK client would make every cold start longer.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
import { RivuletError } from '../lib/api/errors.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { signRequest } from '../lib/sigv4/sign.ts';

export type Invoke = (functionName: string, event: object) => Promise<void>;

const giveUpMs = 10_000;
/** A hint may cost an append this much time. */
const hintMs = 15;

/** Resolves when Lambda has taken the event. */
export const invoke: Invoke = async (functionName, event) => {
  try {
    const response = await send(functionName, JSON.stringify(event));
    if (response.status !== 202) throw new Error(`Lambda answered ${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
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

function send(functionName: string, body: string): Promise<Response> {
  const url = new URL(`/2015-03-31/functions/${functionName}/invocations`, endpoint());
  const headers = { 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' };
  const signed = signRequest({
    ...{ method: 'POST', url, headers, body, credentials: credentials(), region: region() },
    ...{ service: 'lambda', nowMs: systemClock.now() },
  });
  return fetch(url, { method: 'POST', headers: signed, body, signal: AbortSignal.timeout(giveUpMs) });
}

/** The first two variables name an emulator. */
const endpoint = (): string =>
  process.env.AWS_ENDPOINT_URL_LAMBDA ?? process.env.AWS_ENDPOINT_URL ?? `https://lambda.${region()}.amazonaws.com`;

const region = (): string => process.env.AWS_REGION ?? 'us-east-1';

/** Lambda gives each execution environment its credentials. */
function credentials() {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_SESSION_TOKEN } = process.env;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  };
}
