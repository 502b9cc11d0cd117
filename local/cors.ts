// The local server's answers to pages of other origins, as API Gateway gives them (cdk/http-api.ts).
//
// Invariant: an origin that was not given to the server gets no header from this file. Without those headers a browser does
// not let its page read an answer.
import { corsRules, originPattern } from '../http/cors.ts';
import type { HttpResult } from '../http/http-event.ts';
import type { RequestHead } from './request.ts';

/** Throws a sentence for the person who started the server. */
export function checkOrigin(origin: string): void {
  if (!new RegExp(`^${originPattern}$`).test(origin))
    throw new Error(`corsOrigin: expected an origin like http://localhost:5173, got ${JSON.stringify(origin)}`);
}

/** A browser asks in this way before it sends what a form could not send. It cannot sign the question. */
export const isPreflight = ({ method, fields }: RequestHead, origins: ReadonlySet<string>): boolean =>
  method === 'OPTIONS' &&
  fields['access-control-request-method'] !== undefined &&
  fields.origin !== undefined &&
  origins.has(fields.origin);

export const preflightResult: HttpResult = {
  statusCode: 204,
  headers: {
    'access-control-allow-methods': corsRules.methods.join(','),
    'access-control-allow-headers': corsRules.requestHeaders.join(','),
    'access-control-max-age': String(corsRules.maxAgeSeconds),
  },
};

/** A refusal has the headers too, because a page must be able to read what is wrong. */
export function withCors(result: HttpResult, origin: string | undefined, origins: ReadonlySet<string>): HttpResult {
  if (origin === undefined || !origins.has(origin)) return result;
  const headers = {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': corsRules.exposedHeaders.join(','),
    vary: 'origin',
  };
  return { ...result, headers: { ...result.headers, ...headers } };
}
