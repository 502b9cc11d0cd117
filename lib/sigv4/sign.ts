// Signs a request with AWS Signature Version 4, in headers (never in the query). This file sends nothing and reads no clock.
// It signs all headers except those that proxies and HTTP clients change or add on the way.
import { algorithm, amzDate, type Credentials, scopeText, sha256Hex, signatureOf, signedNames } from './canonical.ts';

export type RequestToSign = {
  readonly method: string;
  readonly url: URL;
  /** Names in any case, and values of printable ASCII. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8. A body may come in pieces. */
  readonly body: Uint8Array | string | readonly Uint8Array[];
  readonly credentials: Credentials;
  readonly region: string;
  /** `execute-api` for API Gateway. */
  readonly service: string;
  /** Epoch milliseconds. API Gateway accepts five minutes of difference from its own clock. */
  readonly nowMs: number;
};

const sha256OfNothing = sha256Hex('');

const unsigned = new Set([
  'authorization',
  'cache-control',
  'connection',
  'expect',
  'from',
  'keep-alive',
  'max-forwards',
  'pragma',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-amzn-trace-id',
]);

/**
 * Returns all headers to send, in lower case: those given, and host, x-amz-date, authorization, x-amz-security-token (for
 * temporary credentials) and x-amz-content-sha256 (for a body: the receiver can then check the signature before the body
 * has arrived). Throws TypeError for a header value whose bytes on the wire are not certain.
 */
export function signRequest(request: RequestToSign): Record<string, string> {
  const { method, url, credentials, region, service, nowMs } = request;
  const date = amzDate(nowMs);
  const scope = { date: date.slice(0, 8), region, service };
  const bodySha256 = sha256Hex(request.body);
  const headers = headersToSend(request, date, bodySha256);
  const signed = new Map(Object.entries(headers).filter(([name]) => isSigned(name)));
  const canonical = { method, path: url.pathname, query: url.search.slice(1), headers: signed, bodySha256 };
  const signature = signatureOf(canonical, date, scope, credentials.secretAccessKey);
  const credential = `${credentials.accessKeyId}/${scopeText(scope)}`;
  headers.authorization = `${algorithm} Credential=${credential}, SignedHeaders=${signedNames(signed)}, Signature=${signature}`;
  return headers;
}

function headersToSend(request: RequestToSign, date: string, bodySha256: string): Record<string, string> {
  const given = Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), printable(name, value)]);
  const { sessionToken } = request.credentials;
  const headers: Record<string, string> = { ...Object.fromEntries(given), host: request.url.host, 'x-amz-date': date };
  // A caller's own Date or Authorization would contradict ours.
  delete headers.date;
  delete headers.authorization;
  if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken;
  if (bodySha256 !== sha256OfNothing) headers['x-amz-content-sha256'] = bodySha256;
  else delete headers['x-amz-content-sha256'];
  return headers;
}

function isSigned(name: string): boolean {
  return !unsigned.has(name) && !name.startsWith('proxy-') && !name.startsWith('sec-');
}

/** HTTP libraries disagree about the bytes of other characters, so the signature would be right or wrong by luck. */
function printable(name: string, value: string): string {
  if (/^[\t\x20-\x7e]*$/.test(value)) return value;
  throw new TypeError(`header ${name} must be printable ASCII to be signed`);
}
