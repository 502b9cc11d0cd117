// One request to another service of AWS, signed with the role of this function. Our own signature and Node's HTTP client do
// this, because an SDK client would make every cold start longer. fetch would end a wait for a reply after five minutes.
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { systemClock } from '../lib/runtime/clock.ts';
import { signRequest } from '../lib/sigv4/sign.ts';
import { endpointOf } from '../lib/storage/aws/endpoint.ts';

export type AwsRequest = {
  /** As in the signature and in the host's name. */
  readonly service: 'lambda' | 'scheduler' | 'sqs';
  /** Default: the region of this function. */
  readonly region?: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the wait for the reply. */
  readonly signal: AbortSignal;
};

export type AwsReply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

/** A gateway between us and AWS forgets a connection that is silent for some minutes. */
const probeEveryMs = 60_000;
/** Lambda's replies have 6 MB at the most, and those of the other services far less. */
const mostReplyBytes = 7_000_000;

/** Rejects if there is no reply. The caller reads the status. */
export async function awsRequest(request: AwsRequest): Promise<AwsReply> {
  const response = await send(request);
  const chunks: Buffer[] = [];
  let lengthBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    lengthBytes += chunk.length;
    if (lengthBytes > mostReplyBytes) throw new Error(`the reply has more than ${mostReplyBytes} bytes`);
    chunks.push(chunk);
  }
  const { statusCode: status = 0, headers } = response;
  return { status, headers, body: Buffer.concat(chunks).toString() };
}

/** A connection that was kept over a freeze of this function may be dead, and says so when it is used again. */
function send(given: AwsRequest): Promise<IncomingMessage> {
  const { service, region = ownRegion(), method, path, headers = {}, body = '', signal } = given;
  const url = new URL(path, endpoint(service, region));
  const nowMs = systemClock.now();
  const signed = signRequest({ method, url, headers, body, credentials: credentials(), region, service, nowMs });
  const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const request = open(url, { method, headers: { ...signed, ...length }, signal }, resolve);
  request.setSocketKeepAlive(true, probeEveryMs);
  request.on('error', (error: NodeJS.ErrnoException) =>
    request.reusedSocket && error.code === 'ECONNRESET' ? resolve(send(given)) : reject(error),
  );
  request.end(body);
  return promise;
}

/** The first two variables name an emulator. */
const endpoint = (service: string, region: string): string =>
  process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ??
  process.env.AWS_ENDPOINT_URL ??
  endpointOf(service, region);

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
