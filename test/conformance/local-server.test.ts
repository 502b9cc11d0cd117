import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';
import { openHome } from '../../local/home.ts';
import { startServer } from '../../local/server.ts';
import { httpConformance } from './http-conformance.ts';
import type { HttpReply, HttpRequest, Target } from './target.ts';

const credentials = { accessKeyId: 'conformance', secretAccessKey: 'secret' };

httpConformance('the local server, over files and SQLite', async (): Promise<Target> => {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-conformance-'));
  const home = openHome({ directory });
  const server = await startServer({ api: home.api, credentials: [credentials], clock: systemClock });
  return {
    send: (request) => sendSigned(server.url, request),
    close: async () => {
      await server.close();
      home.close();
      rmSync(directory, { recursive: true });
    },
  };
});

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
