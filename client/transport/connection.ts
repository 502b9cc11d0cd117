// A connection sends one signed HTTP request and reads its whole answer. It never retries, because only the caller knows what
// a repeat means. Invariant: a failure says whether the request can have reached the server.
import type { Outcome } from '../../lib/api/errors.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';
import { errorOfGateway, errorOfProblem, invalid, RivuletClientError, withOutcome } from '../client-error.ts';
import { whyNotText } from '../text.ts';
import type { Answer, Prepared } from './answer.ts';
import type { Signer } from './credentials.ts';
import { openTransport } from './sockets.ts';

export type { Answer } from './answer.ts';

export type Call = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** The path begins with a slash and is already encoded. */
  readonly path: string;
  /** The query is written in alphabetical order, and undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Bytes are sent as they are with `contentType`. Anything else is sent as JSON. */
  readonly body?: Uint8Array | object;
  /** Bytes in pieces, in place of `body`. They are not copied. */
  readonly pieces?: readonly Uint8Array[];
  readonly contentType?: string;
  readonly accept?: string;
  /** Further headers, with names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the request may change anything: if so, a failure carries an outcome. */
  readonly writes: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
};

export type Connection = {
  /** Resolves with any answer, whatever its status. Throws RivuletClientError when no whole answer came. */
  exchange(call: Call): Promise<Answer>;
  /** Resolves with the JSON of an answer below 300. Throws RivuletClientError otherwise. */
  ask<T>(call: Call): Promise<T>;
};

export type ConnectionOptions = {
  readonly url: URL;
  readonly region: string;
  readonly credentials: Signer;
  readonly clientId: string;
  /** The timeout of one request, until the last byte of its answer. A long poll adds its wait. */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  /** Sent with each request, with names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gets each answer before it is read. */
  readonly onAnswer?: (answer: Answer) => void;
};

export function openConnection(options: ConnectionOptions): Connection {
  const send = openTransport(options.url, options.clock);

  async function exchange(call: Call): Promise<Answer> {
    const prepared = await prepare(options, call);
    const timeout = AbortSignal.timeout(Math.ceil(call.timeoutMs ?? options.requestTimeoutMs));
    try {
      const answer = await send(prepared, call.signal ? AbortSignal.any([timeout, call.signal]) : timeout);
      options.onAnswer?.(answer);
      return answer;
    } catch (cause) {
      throw broken(cause as SocketError, timeout, call, options.url);
    }
  }

  async function ask<T>(call: Call): Promise<T> {
    const answer = await exchange(call);
    if (answer.status >= 300) throw errorOfAnswer(answer, call.writes);
    return jsonOf<T>(answer, call.writes);
  }

  return { exchange, ask };
}

async function prepare(options: ConnectionOptions, call: Call): Promise<Prepared> {
  const target = new URL(options.url.href.replace(/\/$/, '') + call.path + queryOf(call.query));
  const body = call.pieces ?? piecesOf(call.body);
  const headers: Record<string, string> = {
    ...options.headers,
    ...call.headers,
    'user-agent': `rivulet/${options.clientId}`,
  };
  if (call.body !== undefined || call.pieces) headers['content-type'] = call.contentType ?? 'application/json';
  if (call.accept) headers.accept = call.accept;
  const { method } = call;
  const length = { 'content-length': String(totalBytes(body)) };
  const credentials = await options.credentials();
  if (credentials === 'none') return { method, target, headers: { ...headers, ...length }, body };
  const signed = signRequest({
    method,
    url: target,
    headers,
    body,
    credentials,
    region: options.region,
    service: 'execute-api',
    nowMs: options.clock.now(),
  });
  return { method, target, headers: { ...signed, ...length }, body };
}

function piecesOf(body: Uint8Array | object | undefined): Uint8Array[] {
  if (body === undefined) return [];
  return [body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body, refuseBadText))];
}

const totalBytes = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

/**
 * JSON.stringify calls this for each member. JSON can express half of a surrogate pair, and the server would then store
 * another text than the one that was given.
 */
function refuseBadText(name: string, value: unknown): unknown {
  if (!name.isWellFormed()) checkText('the name of a field', name);
  if (typeof value === 'string') checkText(name, value);
  return value;
}

function checkText(field: string, text: string): void {
  const wrong = whyNotText(text);
  if (wrong) throw invalid(`${field}: ${wrong}`, { outcome: 'not-written' });
}

function queryOf(query: Call['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return '';
  for (const [name, value] of pairs) checkText(name, String(value));
  const written = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `?${written.sort().join('&')}`;
}

type SocketError = Error & { code?: string; syscall?: string; rawPacket?: Uint8Array };

/** The first byte of the alert that a TLS server sends instead of an answer. */
const tlsAlert = 0x15;

/**
 * The scheme that the other side speaks, where it can be recognized: many TLS servers just close a plain HTTP connection.
 * With another scheme, the server has not understood any request.
 */
function otherSchemeOf({ code, message, rawPacket }: SocketError): 'http' | 'https' | undefined {
  if (code === 'EPROTO' && message.includes('wrong version number')) return 'http';
  return code?.startsWith('HPE_') && rawPacket?.[0] === tlsAlert ? 'https' : undefined;
}

const neverConnected: ReadonlySet<string | undefined> = new Set(['connect', 'getaddrinfo']);

function broken(cause: SocketError, timeout: AbortSignal, call: Call, url: URL): RivuletClientError {
  const name = `${call.method} ${call.path}`;
  const otherScheme = otherSchemeOf(cause);
  if (otherScheme) {
    const detail = `${url.origin} is an ${otherScheme.toUpperCase()} service: use ${otherScheme}://${url.host}`;
    return new RivuletClientError('NETWORK_EXCEPTION', detail, {
      outcome: call.writes ? 'not-written' : undefined,
      cause,
    });
  }
  const outcome: Outcome = neverConnected.has(cause.syscall) ? 'not-written' : 'unknown';
  const details = { outcome: call.writes ? outcome : undefined, retriable: true, cause };
  if (timeout.aborted) return new RivuletClientError('REQUEST_TIMED_OUT', `${name}: no answer came in time`, details);
  if (call.signal?.aborted) {
    return new RivuletClientError('CLIENT_CLOSED', `${name}: the request was aborted`, {
      ...details,
      retriable: false,
    });
  }
  return new RivuletClientError('NETWORK_EXCEPTION', `${name}: ${cause.message || cause.code}`, details);
}

/** Turns an answer with a status of 300 or more into an error. */
export function errorOfAnswer(answer: Answer, writes: boolean): RivuletClientError {
  const text = answer.body.toString('utf8');
  const ours = errorOfProblem(parsed(text), { status: answer.status });
  const error = ours ?? errorOfGateway(answer.status, text, writes);
  const retryAfterMs = retryAfterOf(answer);
  const whole = retryAfterMs === undefined ? error : error.with({ retryAfterMs });
  return writes ? withOutcome(whole) : whole;
}

/** Reads Retry-After (RFC 9110, 10.2.3) in seconds. No gateway in front of our functions sends the other form, a date. */
export function retryAfterOf({ headers }: Answer): number | undefined {
  const value = headers['retry-after'];
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : undefined;
}

/** Throws GATEWAY_ERROR when an answer that should be JSON is not. */
function jsonOf<T>(answer: Answer, writes: boolean): T {
  if (answer.body.length === 0) return undefined as T;
  const value = parsed(answer.body.toString('utf8'));
  if (value === undefined) {
    throw new RivuletClientError('GATEWAY_ERROR', `the answer (HTTP ${answer.status}) has a body that is not JSON`, {
      status: answer.status,
      retriable: true,
      outcome: writes ? 'unknown' : undefined,
    });
  }
  return value as T;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
