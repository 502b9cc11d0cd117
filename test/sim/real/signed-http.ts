// This sends one signed request and returns its answer, without the SDK, because these clients want to see every try
// and to repeat the same bytes. A try without an answer resolves with `lost`.
import { request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Answer } from '../../../client/transport/connection.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { signRequest } from '../../../lib/sigv4/sign.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
export const answerMs = 10_000;

export type SignedRequest = {
  readonly method: 'GET' | 'POST';
  /** The path with its query, whose parameters stand in alphabetical order. */
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string;
  readonly timeoutMs?: number;
};

export function sendSigned(base: string, request: SignedRequest): Promise<Answer | 'lost'> {
  const { method, path, headers: given = {}, body = '', timeoutMs = answerMs } = request;
  const url = new URL(base + path);
  const headers = signRequest({
    method,
    url,
    headers: given,
    body,
    credentials,
    region: 'us-east-1',
    service: 'execute-api',
    nowMs: systemClock.now(),
  });
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = httpRequest(url, {
      method,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      signal,
    });
    sent.on('error', () => resolve('lost'));
    sent.on('response', (reply) => {
      buffer(reply).then(
        (bytes) => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: bytes }),
        () => resolve('lost'),
      );
    });
    sent.end(body);
  });
}
