// The API as a Lambda function behind an API Gateway HTTP API: payload 2.0 in, payload 2.0 out.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//
// Invariant: a reply fits Lambda's 6 MB as long as its body has at most 4 MiB. Text is escaped on its way out and may
// double, so long text goes as base64, which grows by a third.
import type { HttpApi, HttpEvent, HttpResult } from '../http/http-event.ts';

/** What we read of API Gateway's event. */
export type LambdaEvent = Omit<HttpEvent, 'body' | 'signal' | 'timeLeftMs'> & { body?: string };
/** What we read of Lambda's. */
export type LambdaContext = { readonly getRemainingTimeInMillis: () => number };
export type LambdaResult = Omit<HttpResult, 'body'> & { body?: string; isBase64Encoded: boolean };

const LONG_TEXT = 1024 * 1024;
/** Before the end of the function's time: what the slowest function takes to send the largest reply. */
const ANSWER_MS = 1_000;

export function createHandler(api: HttpApi): (event: LambdaEvent, context: LambdaContext) => Promise<LambdaResult> {
  return async (event, context) => {
    const timeLeftMs = Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MS);
    const { body, ...result } = await api({ ...eventOf(event), timeLeftMs });
    const isHead = event.requestContext.http.method === 'HEAD';
    return resultOf(isHead || body === undefined ? result : { ...result, body });
  };
}

/** Only the named members: `pathParameters` of the gateway, for one, are decoded, and ours are not. */
function eventOf({ rawPath, rawQueryString, headers, requestContext, body, isBase64Encoded }: LambdaEvent): HttpEvent {
  const event = { version: '2.0' as const, rawPath, rawQueryString, headers, requestContext, isBase64Encoded };
  return body === undefined ? event : { ...event, body };
}

function resultOf({ statusCode, headers, body }: HttpResult): LambdaResult {
  if (body === undefined) return { statusCode, headers, isBase64Encoded: false };
  if (typeof body === 'string' && body.length <= LONG_TEXT)
    return { statusCode, headers, body, isBase64Encoded: false };
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.concat(body);
  return { statusCode, headers, body: bytes.toString('base64'), isBase64Encoded: true };
}
