// One POST to addresses that were checked. It follows no redirect, and reads a short reply.
//
// Invariant: it connects only to the addresses it is given. The name of the URL serves for TLS and for the Host header; it is
// not resolved again. Each request has its own connection, because a kept one would lead to an address of an earlier check.
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Address } from './addresses.ts';

export type PostRequest = {
  readonly url: URL;
  readonly addresses: readonly Address[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly mostReplyBytes: number;
  readonly signal: AbortSignal;
};

export type PostReply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

/** Rejects when there is no complete reply, when it is too long, and when the signal aborts. */
export async function post(options: PostRequest): Promise<PostReply> {
  const response = await send(options);
  const { statusCode: status = 0, headers } = response;
  // The body of a failure is not shown, so that nobody reads the pages of a server in this way.
  if (status < 200 || status > 299) {
    response.destroy();
    return { status, headers, body: '' };
  }
  return { status, headers, body: await readText(response, options.mostReplyBytes) };
}

function send({ url, addresses, headers, body, signal }: PostRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request: ClientRequest = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
    agent: false,
    lookup: knownAddresses(addresses),
    signal,
  });
  request.on('response', resolve);
  request.on('error', reject);
  // A protocol that we did not ask for ends without a response.
  request.on('close', () => reject(new Error('the connection was closed without a reply')));
  request.end(body);
  return promise;
}

/** For an address in place of a name this is not called: such an address is its only checked one. */
const knownAddresses =
  (addresses: readonly Address[]): LookupFunction =>
  (_name, { all }, done) => {
    if (all) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };

async function readText(response: IncomingMessage, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the connection.
    if (bytes > mostBytes) throw new Error(`the reply has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
