// An API behind a server, spoken to as clients do: over a socket, signed.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HttpApi } from '../../functions/http-event.ts';
import { lookup } from '../../lib/client/loopback.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';
import { startServer } from '../../local/server.ts';
import type { HttpReply, HttpRequest, Target } from './target.ts';

/** `close` runs once the server has ended. */
export async function serveTarget(api: HttpApi, close: () => Promise<void> | void): Promise<Target> {
  const credentials = { accessKeyId: 'conformance', secretAccessKey: 'secret' };
  const server = await startServer({ api, credentials: [credentials], clock: systemClock });
  return {
    send: (request) => sendSigned(server.url, credentials, request),
    close: async () => {
      await server.close();
      await close();
    },
  };
}

export type SignedWith = {
  readonly region?: string;
  readonly service?: string;
  readonly nowMs?: number;
};

/** Signed as it is, with whatever is given instead of what is right. */
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

/** Over a socket as it is: `fetch` and `URL` would normalise paths before they are sent. */
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
