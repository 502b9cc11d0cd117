// Adapts the API to a Lambda function behind an API Gateway HTTP API: payload 2.0 in, payload 2.0 out.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//
// Invariant: a reply fits Lambda's 6 MB if its body has at most 4 MiB. Lambda escapes text, which may double its size, so
// long text is sent as base64, which grows by a third.
import type { HttpApi, HttpEvent, HttpResult } from '../http/http-event.ts';

/** The members of API Gateway's event that we read. */
export type LambdaEvent = Omit<HttpEvent, 'body' | 'signal' | 'timeLeftMs'> & { body?: string };
/** The members of Lambda's context that we read. */
export type LambdaContext = { readonly getRemainingTimeInMillis: () => number };
export type LambdaResult = Omit<HttpResult, 'body'> & { body?: string; isBase64Encoded: boolean };

const LONG_TEXT = 1024 * 1024;
/** An operation must end this long before the function's timeout: the slowest function needs it to send the largest reply. */
const ANSWER_MS = 1_000;

export function createHandler(api: HttpApi): (event: LambdaEvent, context: LambdaContext) => Promise<LambdaResult> {
  return async (event, context) => {
    const timeLeftMs = Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MS);
    const { body, ...result } = await api({ ...eventOf(event), timeLeftMs });
    const isHead = event.requestContext.http.method === 'HEAD';
    return resultOf(isHead || body === undefined ? result : { ...result, body });
  };
}

/** Copies only the named members. The gateway's `pathParameters`, for example, are decoded, but our paths must stay raw. */
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
