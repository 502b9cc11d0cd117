// This file writes results in three situations: the usual reply, a reply to a client that may still be sending a body that
// the server does not want, and a reply on a socket whose bytes were never a request.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { HttpResult } from '../http/http-event.ts';

export function sendResult(response: ServerResponse, result: HttpResult, closing: boolean): void {
  writeHead(response, result, closing);
  // The head and all pieces go to the socket in one call.
  response.cork();
  for (const piece of piecesOf(result.body)) response.write(piece);
  response.end();
}

/**
 * Answers a request whose body was not read. An immediate close would reset the connection, and the client might lose the
 * answer with it. So the answer goes out, incoming bytes are dropped for at most `lingerMs`, and then the connection is
 * closed.
 */
export async function sendBeforeBody(response: ServerResponse, result: HttpResult, lingerMs: number): Promise<void> {
  writeHead(response, result, true);
  for (const piece of piecesOf(result.body)) response.write(piece);
  const gone = new AbortController();
  const stop = (): void => gone.abort();
  response.req.once('end', stop).once('close', stop).resume();
  await pause(lingerMs, undefined, { signal: gone.signal }).catch(() => undefined);
  response.end();
}

/**
 * Answers bytes that the HTTP parser refused: then there is no response object to write to. The socket is closed after
 * `lingerMs` for the same reason.
 */
export function sendOnSocket(socket: Duplex, { statusCode, headers, body }: HttpResult, lingerMs: number): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${statusCode} Refused\r\n${lines.join('')}content-length: ${bytesOf(body)}\r\n`;
  socket.write(`${head}connection: close\r\n\r\n`);
  for (const piece of piecesOf(body)) socket.write(piece);
  socket.end();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

function writeHead(response: ServerResponse, { statusCode, headers, body }: HttpResult, closing: boolean): void {
  response.writeHead(statusCode, {
    ...headers,
    ...((body !== undefined || statusCode !== 204) && { 'content-length': bytesOf(body) }),
    ...(closing && { connection: 'close' }),
  });
}

const piecesOf = (body: HttpResult['body'] = []) => (typeof body === 'string' ? [body] : body);

function bytesOf(body: HttpResult['body']): number {
  return piecesOf(body).reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
}
