// This file reads the head of a request as it came over the wire, checks every rule that needs no body, and makes the event.
// The signature check and the handlers read the same raw strings, and nothing is normalised in between. A request that two
// readers could understand differently (repeated headers, dot segments, bad escapes) is refused.
import type { IncomingMessage } from 'node:http';
import type { HttpEvent } from '../http/http-event.ts';
import { RivuletError } from '../lib/api/errors.ts';
import { limits } from '../lib/api/limits.ts';
import { invalid } from '../lib/api/refusal.ts';
import type { SignedHead } from '../lib/sigv4/verify.ts';

export type RequestHead = SignedHead & {
  /** The names are in lower case. The values of a header that may be repeated are joined by a comma. */
  readonly fields: Readonly<Record<string, string>>;
  readonly hasBody: boolean;
  /** Undefined for a chunked body. */
  readonly bodyBytes: number | undefined;
  /** The limit depends on the content type. */
  readonly maxBodyBytes: number;
};

/** Throws INVALID_REQUEST, HEADERS_TOO_LARGE or BODY_TOO_LARGE. */
export function readHead(message: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders'>): RequestHead {
  const { method = '', url = '' } = message;
  const headers = pairsOf(message.rawHeaders);
  checkHeadBytes(method, url, headers);
  const { path, query } = readTarget(url);
  const fields = readFields(headers);
  if (fields.host === undefined) throw invalid('header.host: expected the name of this server, got none');
  if (!/^(100-continue)?$/i.test(fields.expect ?? ''))
    throw invalid(`header.expect: expected 100-continue or none, got ${JSON.stringify(fields.expect?.slice(0, 80))}`);
  return { method, path, query, headers, fields, ...readBodyRules(fields) };
}

type Received = {
  readonly requestId: string;
  readonly sourceIp: string | undefined;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
};

export function eventOf(head: RequestHead, { requestId, sourceIp, body, signal }: Received): HttpEvent {
  return {
    version: '2.0',
    rawPath: head.path,
    rawQueryString: head.query,
    headers: head.fields,
    ...(head.query !== '' && { queryStringParameters: joined(new URLSearchParams(head.query)) }),
    requestContext: {
      requestId,
      http: { method: head.method, path: head.path, ...(sourceIp !== undefined && { sourceIp }) },
    },
    ...(body.length > 0 && { body }),
    isBase64Encoded: false,
    signal,
  };
}

/** A refusal in this file comes before the engine, so nothing was written. */
export function bodyTooLarge(maxBodyBytes: number, found: string): RivuletError {
  return new RivuletError(
    'BODY_TOO_LARGE',
    `body: expected at most ${maxBodyBytes} bytes for this content type, got ${found}`,
    {
      outcome: 'not-written',
      extra: { limitBytes: maxBodyBytes },
    },
  );
}

export function headersTooLarge(found: string): RivuletError {
  const detail = `headers: expected at most ${limits.headBytes} bytes together with the request line, got ${found}`;
  return new RivuletError('HEADERS_TOO_LARGE', detail, {
    outcome: 'not-written',
    extra: { limitBytes: limits.headBytes },
  });
}

type Pairs = readonly (readonly [string, string])[];

function pairsOf(raw: readonly string[]): Pairs {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!]);
  return pairs;
}

/** Counts as on the wire: "POST /path HTTP/1.1", then a "name: value" for each header, each ended by CRLF, then CRLF. */
function checkHeadBytes(method: string, url: string, headers: Pairs): void {
  const requestLineBytes = method.length + url.length + ' '.length + ' HTTP/1.1\r\n'.length;
  const headBytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, requestLineBytes + 2);
  if (headBytes > limits.headBytes) throw headersTooLarge(`${headBytes} bytes`);
}

function readTarget(url: string): { path: string; query: string } {
  if (!url.startsWith('/')) throw invalid('path: expected a request target that begins with "/", got another form');
  if (!/^[\x21-\x7e]*$/.test(url) || url.includes('#'))
    throw invalid('path: expected a request target of printable ASCII without "#", got other characters');
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  // The signature is the same with and without these segments, so another party could insert them into a signed path.
  if (/\/(\.{1,2})?\/|\/\.{1,2}$/.test(path)) throw invalid('path: expected no empty segment, "." or "..", got one');
  if (!isDecodable(path) || !isDecodable(query))
    throw invalid('path: expected each "%" to begin an escape of UTF-8, got one that does not begin an escape');
  return { path, query };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** These headers may come only once: a reader of the first and a reader of the second would see different requests. */
const single = new Set([
  'authorization',
  'host',
  'origin',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'date',
  'expect',
  'idempotency-key',
]);

const isSingle = (name: string): boolean =>
  single.has(name) || name.startsWith('x-amz-') || name.startsWith('rivulet-');

function readFields(headers: Pairs): Record<string, string> {
  const names = new Set<string>();
  for (const [given] of headers) {
    const name = given.toLowerCase();
    if (names.has(name) && isSingle(name)) throw invalid(`header.${name}: expected one header, got more than one`);
    names.add(name);
  }
  return joined(headers.map(([name, value]) => [name.toLowerCase(), value]));
}

/** Collects into a Map first, because assigning "__proto__" on a plain object would change its prototype. */
function joined(pairs: Iterable<readonly [string, string]>): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(values);
}

function readBodyRules(fields: Record<string, string>): Pick<RequestHead, 'hasBody' | 'bodyBytes' | 'maxBodyBytes'> {
  const isJson = /^application\/([\w.-]+\+)?json\b/i.test(fields['content-type'] ?? '');
  const maxBodyBytes = isJson ? limits.jsonBodyBytes : limits.binaryBodyBytes;
  if (fields['transfer-encoding'] !== undefined) return { hasBody: true, bodyBytes: undefined, maxBodyBytes };
  const bodyBytes = Number(fields['content-length'] ?? 0);
  if (bodyBytes > maxBodyBytes) throw bodyTooLarge(maxBodyBytes, `${bodyBytes} bytes`);
  return { hasBody: bodyBytes > 0, bodyBytes, maxBodyBytes };
}
