// An API behind the local server, spoken to as clients do: over a socket, signed.
import { request as httpRequest } from 'node:http';
import type { HttpApi } from '../../functions/http-event.ts';
import { systemClock } from '../../lib/clock.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';
import { startServer } from '../../local/server.ts';
import type { HttpReply, HttpRequest, Target } from './target.ts';

const credentials = { accessKeyId: 'conformance', secretAccessKey: 'secret' };

/** `close` runs once the server has ended. */
export async function serveTarget(api: HttpApi, close: () => Promise<void> | void): Promise<Target> {
  const server = await startServer({ api, credentials: [credentials], clock: systemClock });
  return {
    send: (request) => sendSigned(server.url, request),
    close: async () => {
      await server.close();
      await close();
    },
  };
}

/** Over a socket as it is: `fetch` and `URL` would normalise paths before they are sent. */
function sendSigned(base: string, request: HttpRequest): Promise<HttpReply> {
  const { host, hostname, port } = new URL(base);
  const [pathname, ...query] = request.path.split('?');
  const url = { pathname, search: query.length > 0 ? `?${query.join('?')}` : '', host } as URL;
  const { method, headers: given = {}, body = '' } = request;
  const nowMs = systemClock.now();
  const headers = signRequest({
    method,
    url,
    headers: given,
    body,
    credentials,
    region: 'us-east-1',
    service: 'execute-api',
    nowMs,
  });
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      hostname,
      port,
      method,
      path: request.path,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
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
