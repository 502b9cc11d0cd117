// Sends one signed request exactly as given, and returns its answer. It neither retries nor reads the answer, and it does not
// normalise a path or a header. A test can make any part of the signature wrong on purpose.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { lookup } from '../../client/transport/node.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';

export type HttpRequest = {
  readonly method: string;
  /** The path with the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};
export type HttpReply = { readonly status: number; readonly headers: Record<string, string>; readonly body: Buffer };

export type SignedWith = {
  readonly region?: string;
  readonly service?: string;
  readonly nowMs?: number;
};

/** Signs the request as it is. The last parameter replaces parts of the signature, for example by wrong ones. */
export function sendSigned(
  base: string,
  credentials: Credentials,
  request: HttpRequest,
  { region = 'us-east-1', service = 'execute-api', nowMs = systemClock.now() }: SignedWith = {},
): Promise<HttpReply> {
  const [pathname, ...query] = request.path.split('?');
  const url = { pathname, search: query.length > 0 ? `?${query.join('?')}` : '', host: new URL(base).host } as URL;
  const { method, headers: given = {}, body = '' } = request;
  const headers = signRequest({ method, url, headers: given, body, credentials, region, service, nowMs });
  return sendPlain(base, { ...request, headers });
}

/** Sends the path as it is. `fetch` and `URL` would normalise it before they send it. */
export function sendPlain(base: string, { method, path, headers, body = '' }: HttpRequest): Promise<HttpReply> {
  const { hostname, port, protocol } = new URL(base);
  const start = protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const whole = { ...headers, 'content-length': Buffer.byteLength(body) };
    const sent = start({ hostname, port, method, path, headers: whole, lookup });
    sent.on('error', reject).on('response', (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      reply.on('end', () =>
        resolve({
          status: reply.statusCode ?? 0,
          headers: reply.headers as Record<string, string>,
          body: Buffer.concat(chunks),
        }),
      );
    });
    sent.end(body);
  });
}
