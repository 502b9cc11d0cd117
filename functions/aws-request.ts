// Sends signed requests to AWS's own APIs: Lambda, SQS, the Scheduler. Our own signature and Node's own client do this,
// because SDK clients would make every cold start longer, and `fetch` gives up a reply that takes more than five minutes.
//
// Invariant: a request ends by its deadline, and its reply has at most `replyBytes`.
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { systemClock } from '../lib/runtime/clock.ts';
import { signRequest } from '../lib/sigv4/sign.ts';

export type AwsRequest = {
  readonly service: 'lambda' | 'scheduler' | 'sqs';
  readonly method: 'GET' | 'POST';
  /** As on the wire. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default: the region of this function. */
  readonly region?: string;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
};

export type AwsReply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

/** Lambda's replies have at most 6 MB. Errors of AWS are far smaller. */
const replyBytes = 7_000_000;

/** Rejects if there is no whole reply: the request may have acted. */
export async function sendToAws(request: AwsRequest): Promise<AwsReply> {
  const { method, body = '', deadlineMs, signal } = request;
  const url = urlOf(request);
  const over = AbortSignal.timeout(deadlineMs);
  const options = {
    method,
    headers: { ...signed(request, url), 'content-length': String(Buffer.byteLength(body)) },
    signal: signal ? AbortSignal.any([signal, over]) : over,
  };
  const reply = await send(url, options, body);
  return { status: reply.statusCode ?? 0, headers: reply.headers, body: await bodyOf(reply) };
}

/** A connection that was kept over a freeze of this function is dead, and says so when it is used again. */
function send(url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const sent = start(url, options, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) =>
      sent.reusedSocket && error.code === 'ECONNRESET' ? resolve(send(url, options, body)) : reject(error),
    );
    // Lambda says nothing for as long as a function runs, and what stands between may forget a silent connection.
    sent.on('socket', (socket) => socket.setKeepAlive(true, 30_000)).end(body);
  });
}

async function bodyOf(reply: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let lengthBytes = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    lengthBytes += chunk.length;
    if (lengthBytes > replyBytes) throw new Error(`the reply has more than ${replyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function signed(request: AwsRequest, url: URL): Record<string, string> {
  const { service, method, headers = {}, body = '', region = ownRegion() } = request;
  const nowMs = systemClock.now();
  return signRequest({ method, url, headers, body, credentials: credentials(), region, service, nowMs });
}

/** The first two variables name an emulator. */
function urlOf({ service, path, region = ownRegion() }: AwsRequest): URL {
  const emulated = process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? process.env.AWS_ENDPOINT_URL;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(path, emulated ?? `https://${service}.${region}.${suffix}`);
}

const ownRegion = (): string => process.env.AWS_REGION ?? 'us-east-1';

/** Lambda gives each execution environment its credentials. */
function credentials() {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_SESSION_TOKEN } = process.env;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  };
}
