// A call of the console that was refused before it reached the service. API Gateway answers one that IAM does not allow with
// `{"message":"Forbidden"}`, and does not say what is missing. This process knows what it has asked for.
//
// Invariant: `action` and `resource` of a problem that reaches the page are words of this file. The page makes a line to copy of
// them, so nothing that a service or a proxy answers may be in there, and the line allows no more than the refused call.
import type { Answer } from '../client/transport/connection.ts';
import type { HttpEvent, HttpResult } from '../http/http-event.ts';
import { problemResult } from '../http/problem.ts';
import { RivuletError } from '../lib/api/errors.ts';

/** Where the service is. `partition` is the one of the region: `aws`, `aws-cn`, `aws-us-gov`. */
export type Place = { readonly region: string; readonly partition: string; readonly host: string };

export const isRefusedByGateway = ({ status, headers }: Answer): boolean =>
  status === 403 && headers['content-type'] !== 'application/problem+json';

/** A token that is over, a wrong secret and a proxy are refused in the same way. So the answer itself is shown too. */
export function refusedCall({ rawPath, requestContext }: HttpEvent, place: Place, answer: Answer): HttpResult {
  const { requestId, http } = requestContext;
  const call = `${http.method}${escaped(rawPath)}`;
  const said = answer.body.toString('utf8').slice(0, 300);
  const id = apiIdOf(place.host);
  const action = 'execute-api:Invoke';
  const detail =
    id === undefined
      ? `HTTP 403: ${said}. If the credentials are right, their policy does not allow ${action} on API_ID/$default/${call}, where API_ID is the API behind ${place.host}`
      : `HTTP 403: ${said}`;
  const resource = `arn:${place.partition}:execute-api:${place.region}:*:${id}/$default/${call}`;
  const extra = id === undefined ? {} : { action, resource };
  return problemResult(new RivuletError('FORBIDDEN', detail, { outcome: 'not-written', extra }), requestId);
}

/**
 * Undefined for a domain of one's own: then a line for any API would allow the call on all of them. APIs of an emulator are hosts
 * below `execute-api.localhost`.
 */
const apiIdOf = (host: string): string | undefined =>
  /^([a-z0-9]+)\.execute-api\.(?:[a-z0-9-]+\.amazonaws\.com(?:\.cn)?|localhost)$/.exec(host)?.[1];

/** IAM takes `*` and `?` for any characters, and `$` for the beginning of a variable. */
const escaped = (path: string): string => path.replace(/[*?$]/g, (each) => `\${${each}}`);

/** The service's own problems have no such members, so one that has them is not the service's. */
export function withoutAdvice({ status, body }: Pick<Answer, 'status' | 'body'>): Buffer {
  if (status < 400) return body;
  try {
    const { action: _action, resource: _resource, ...problem } = JSON.parse(body.toString('utf8'));
    return Buffer.from(JSON.stringify(problem));
  } catch {
    // The page reads a problem from JSON alone.
    return body;
  }
}
