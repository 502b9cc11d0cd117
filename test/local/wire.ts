// This file talks to a server over a plain socket, byte by byte as a test needs it, and over fetch with a signature.
import { createConnection, type Socket } from 'node:net';
import { signRequest } from '../../lib/sigv4/sign.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

type Signable = { method?: string; path: string; headers?: Record<string, string>; body?: string | Uint8Array };

export function signedHeaders(
  base: string,
  { method = 'GET', path, headers = {}, body = '' }: Signable,
): Record<string, string> {
  const url = new URL(path, base);
  return signRequest({
    method,
    url,
    headers,
    body,
    credentials,
    region: 'us-east-1',
    service: 'execute-api',
    nowMs: Date.now(),
  });
}

/** The head of the request as text, to be sent with `open`. The `extra` lines are neither signed nor checked. */
export function signedHead(base: string, request: Signable, extra: readonly string[] = []): string {
  const fields = Object.entries(signedHeaders(base, request)).map(([name, value]) => `${name}: ${value}`);
  return `${[`${request.method ?? 'GET'} ${request.path} HTTP/1.1`, ...fields, ...extra].join('\r\n')}\r\n\r\n`;
}

export function signedFetch(base: string, request: Signable & { signal?: AbortSignal }): Promise<Response> {
  const { method = 'GET', path, body, signal } = request;
  const headers = signedHeaders(base, request);
  return fetch(new URL(path, base), {
    method,
    headers,
    ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    ...(signal !== undefined && { signal }),
  });
}

export type Wire = {
  readonly socket: Socket;
  /** Everything that has arrived so far. */
  received(): string;
  /** Resolves with everything that arrived once it contains `part`. */
  until(part: string): Promise<string>;
  /** Resolves with everything that arrived once the server has closed the connection. */
  closed: Promise<string>;
};

export function open(base: string, firstBytes: string): Wire {
  const { hostname, port } = new URL(base);
  const socket = createConnection(Number(port), hostname);
  socket.write(firstBytes, 'latin1');
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  // A reset is one way to be closed. The bytes that arrived before it are what counts.
  socket.on('error', () => undefined);
  const until = (part: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (text.includes(part)) resolve(text);
      };
      check();
      socket.on('data', check);
      socket.on('close', () => reject(new Error(`closed before ${JSON.stringify(part)}: ${JSON.stringify(text)}`)));
    });
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)));
  return { socket, received: () => text, until, closed };
}

export type Problem = { status: number; errorCode: string; detail: string; outcome?: string; requestId: string };

/** The last answer among the bytes that arrived, as a problem document. */
export function problemIn(text: string): Problem & { head: string } {
  const [head = '', body = ''] = text.slice(text.lastIndexOf('HTTP/1.1 ')).split('\r\n\r\n');
  return { ...(JSON.parse(body) as Problem), head };
}
