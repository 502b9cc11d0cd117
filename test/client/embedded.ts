// This is the real service in one process: the HTTP server, the handlers and the engine over memory. A proxy can stand
// between a client and the service, and breaks what passes through it.
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApi } from '../../http/api.ts';
import { createEngine } from '../../lib/engine.ts';
import type { Ports } from '../../lib/log/context.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { startServer } from '../../local/server.ts';

export type Backend = { readonly url: string; close(): Promise<void> };

export const memoryPorts = (): Ports => ({
  objects: createMemoryObjectStore({ clock: systemClock }),
  table: createMemoryTable(),
  clock: systemClock,
});

/** A test that does maintenance has the ports too. */
export async function startEmbedded(
  ports = memoryPorts(),
  credentials?: Credentials,
  corsOrigins: readonly string[] = [],
): Promise<Backend> {
  const engine = createEngine(ports);
  const api = createApi({ engine, version: 'test' });
  return startServer({ api, clock: systemClock, corsOrigins, ...(credentials && { credentials: [credentials] }) });
}

/**
 * A fault that happens to a request on its way.
 * `lose reply`: the request arrives, and the socket is cut instead of an answer. `late`: it arrives after a gateway has
 * answered 504.
 */
export type Fault = 'none' | 'refuse 503' | 'cut before' | 'lose reply' | 'late' | 'slow';

export async function startProxy(target: string, faultOf: (message: IncomingMessage) => Fault): Promise<Backend> {
  const server = createServer((message, response) => {
    void relay(target, message, response, faultOf(message));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function relay(target: string, message: IncomingMessage, response: ServerResponse, fault: Fault): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer);
  } catch {
    return;
  }
  const body = Buffer.concat(chunks);
  if (fault === 'cut before') {
    message.socket.destroy();
    return;
  }
  if (fault === 'refuse 503' || fault === 'late') response.writeHead(fault === 'late' ? 504 : 503).end('not ours');
  if (fault === 'refuse 503') return;
  if (fault === 'late' || fault === 'slow') await systemClock.sleep(20 + Math.random() * 80);
  forward(target, message, body, response, fault);
}

function forward(target: string, message: IncomingMessage, body: Buffer, response: ServerResponse, fault: Fault): void {
  const options = { method: message.method ?? 'GET', headers: message.headers };
  const onward = httpRequest(target + message.url, options, (answer) => {
    if (fault === 'late') answer.resume();
    else if (fault === 'lose reply') message.socket.destroy();
    else answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers));
  });
  onward.on('error', () => message.socket.destroy());
  // When the client aborts a long poll, the proxy aborts it at the server too.
  response.on('close', () => {
    if (!response.writableFinished) onward.destroy();
  });
  onward.end(body);
}
