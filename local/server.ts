// The HTTP API in one process. It has the role of API Gateway in AWS: it accepts the same requests, verifies the same
// signatures by the same rules, and calls the same handlers with the same events.
//
// A request is refused as early as possible. The checks come in this order: its head, the host it is for, its signature, the
// size of its body, the room for it. A request that is refused here has not reached the engine, and the answer says so
// (outcome not-written).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HttpApi, HttpResult } from '../http/http-event.ts';
import { problemResult, rivuletErrorOf } from '../http/problem.ts';
import { RivuletError } from '../lib/api/errors.ts';
import { limits } from '../lib/api/limits.ts';
import { invalid } from '../lib/api/refusal.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import { createTurns, type Turns } from '../lib/runtime/concurrency.ts';
import { isLoopback } from '../lib/runtime/loopback.ts';
import { type Credentials, sha256Hex } from '../lib/sigv4/canonical.ts';
import { verifyHead } from '../lib/sigv4/verify.ts';
import { readBody } from './body.ts';
import { type BodyRoom, createBodyRoom } from './body-room.ts';
import { type Admission, admitToConsole, type ConsoleOptions } from './console/gate.ts';
import { checkOrigin, isPreflight, preflightResult, withCors } from './cors.ts';
import { checkHosts, namesOf } from './hosts.ts';
import { isKafkaRequest } from './kafka-request.ts';
import { sendBeforeBody, sendOnSocket, sendResult } from './reply.ts';
import { eventOf, headersTooLarge, type RequestHead, readHead } from './request.ts';

const timeouts = {
  /** The time from the first byte of a connection, or of the next request, to the end of the headers. */
  headersMs: 10_000,
  /** The time from that byte to the end of the body. API Gateway ends a request after 30 s. */
  requestMs: 30_000,
  /** The time between requests. It is longer than clients keep a connection, so that the clients close it. */
  idleMs: 65_000,
  /** The time without a byte in either direction, at any moment. A long poll is silent for 20 s. */
  silentMs: 60_000,
  /** The time for the client to notice an answer that came before its body was sent. */
  lingerMs: 1_000,
  /** The time for requests under way to be answered, once the server closes. */
  closeMs: 10_000,
};

const requestsPerTurn = 16;

export type ServerOptions = {
  /** Without it, only pages are served. */
  readonly api?: HttpApi;
  /** Answers a GET of a path without a signature; undefined if the path is no page. */
  readonly page?: (path: string) => Promise<HttpResult> | undefined;
  /** The address to listen on. With an API, any address but loopback needs `credentials`. Default 127.0.0.1. */
  readonly host?: string;
  /** The port to listen on. Default 0: any free port. */
  readonly port?: number;
  /** The names that a Host header may have, beside those of loopback and the address that a request comes to. */
  readonly allowHosts?: readonly string[];
  /** Pages of these origins, like `http://localhost:5173`, may read the answers. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** The credentials that callers may sign with. Default: local/local, which everyone knows, so only for loopback. */
  readonly credentials?: readonly Credentials[];
  /** The region that clients sign for. Default us-east-1. */
  readonly region?: string;
  readonly clock: Pick<Clock, 'now' | 'randomBytes'>;
  /** Receives what the handlers threw. The client learns only that something failed. Default: standard error. */
  readonly onError?: (error: unknown, requestId: string) => void;
  /** Receives a sentence about a client that speaks another protocol, and cannot be told so. */
  readonly onStranger?: (error: RivuletError) => void;
  readonly timeouts?: Partial<typeof timeouts>;
  /** The bodies of the requests under way have at most so many bytes together. */
  readonly heldBodyBytes?: number;
  /** Serves the console below /console. Only for loopback. */
  readonly console?: ConsoleOptions;
};

export type LocalServer = {
  readonly url: string;
  /** The number of open connections. */
  connections(): number;
  /** Ends long polls and waits for the requests under way, at most `closeMs`. */
  close(): Promise<void>;
};

/** Rejects, with a sentence for the person who started it, when it may not or cannot listen on the address. */
export async function startServer(options: ServerOptions): Promise<LocalServer> {
  const { host = '127.0.0.1', port = 0 } = options;
  const context = contextOf(options, host);
  const server = createHttpServer(context);
  await listen(server, host, port);
  const { address, family, port: bound } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    connections: () => context.connections.size,
    close: () => (closed ??= close(server, context)),
  };
}

type Exchange = {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly left: AbortController;
};

type Context = {
  readonly api: HttpApi | undefined;
  readonly page: NonNullable<ServerOptions['page']>;
  readonly hosts: ReadonlySet<string>;
  readonly corsOrigins: ReadonlySet<string>;
  readonly credentials: ReadonlyMap<string, Credentials>;
  readonly region: string;
  readonly clock: ServerOptions['clock'];
  readonly newRequestId: () => string;
  /** A request waits here for its turn: a body may take some milliseconds to handle, and hundreds may come together. */
  readonly turn: Turns;
  readonly bodies: BodyRoom;
  readonly console: ConsoleOptions | undefined;
  readonly onError: NonNullable<ServerOptions['onError']>;
  readonly onStranger: NonNullable<ServerOptions['onStranger']>;
  readonly timeouts: typeof timeouts;
  /** Each connection with the requests whose answer has not been sent. */
  readonly connections: Map<Socket, Set<Exchange>>;
  closing: boolean;
};

function contextOf(options: ServerOptions, host: string): Context {
  const credentials = options.credentials ?? [{ accessKeyId: 'local', secretAccessKey: 'local' }];
  const isPublic = (one: Credentials): boolean => one.accessKeyId === 'local' && one.secretAccessKey === 'local';
  if (options.api && !isLoopback(host) && (credentials.length === 0 || credentials.some(isPublic)))
    throw new Error(
      `the server does not listen on ${host} with the credentials local/local, which everyone knows: give credentials of your own, or listen on 127.0.0.1`,
    );
  options.corsOrigins?.forEach(checkOrigin);
  if (options.console && !isLoopback(host))
    throw new Error(`the console is for this machine alone, and ${host} is open to others: listen on 127.0.0.1`);
  return {
    api: options.api,
    page: options.page ?? (() => undefined),
    hosts: namesOf(host, options.allowHosts ?? []),
    corsOrigins: new Set(options.corsOrigins),
    credentials: new Map(credentials.map((one) => [one.accessKeyId, one])),
    region: options.region ?? 'us-east-1',
    clock: options.clock,
    newRequestId: requestIds(options.clock),
    turn: createTurns(requestsPerTurn),
    bodies: createBodyRoom(options.heldBodyBytes ?? limits.heldBodyBytes),
    console: options.console,
    onError: options.onError ?? console.error,
    onStranger: options.onStranger ?? (() => undefined),
    timeouts: { ...timeouts, ...options.timeouts },
    connections: new Map(),
    closing: false,
  };
}

/** Request ids are unique and not secret: each server has one random prefix and counts its requests. */
function requestIds(clock: ServerOptions['clock']): () => string {
  const prefix = Buffer.from(clock.randomBytes(9)).toString('base64url');
  let count = 0;
  return () => `${prefix}-${count++}`;
}

function createHttpServer(context: Context): Server {
  const { headersMs, requestMs, idleMs, silentMs } = context.timeouts;
  const server = createServer({
    // Node counts fewer bytes than are on the wire, so request.ts does the exact check.
    maxHeaderSize: limits.headBytes,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(1_000, headersMs, requestMs),
    // Otherwise Node answers by itself, without a problem document.
    requireHostHeader: false,
    keepAlive: true,
    noDelay: true,
  });
  server.setTimeout(silentMs);
  server.on('connection', (socket) => {
    context.connections.set(socket, new Set());
    socket.on('close', () => context.connections.delete(socket));
  });
  // The handler also takes requests with an Expect header: Node itself would say "continue" before the head is checked.
  for (const event of ['request', 'checkContinue', 'checkExpectation'])
    server.on(event, (message, response) => void exchange(context, message, response));
  server.on('connect', (_, socket) =>
    refuseBytes(context, socket, invalid('method: expected one of this API, got CONNECT')),
  );
  server.on('clientError', (error, socket) => onClientError(context, error, socket as Socket));
  return server;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
}

// --- one request

/** Handles one request, from its head to the answer. */
async function exchange(context: Context, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const here: Exchange = { message, response, left: new AbortController() };
  context.connections.get(message.socket)?.add(here);
  response.once('close', () => leave(context, here));
  if (context.closing) here.left.abort(closingReason());
  const requestId = context.newRequestId();
  const result = withCors(await answer(context, here, requestId), message.headers.origin, context.corsOrigins);
  try {
    await send(context, here, result);
  } catch (error) {
    // A handler made a header that HTTP does not allow. No further answer is possible on this connection.
    context.onError(error, requestId);
    message.socket.destroy();
  }
}

async function send(context: Context, { message, response }: Exchange, result: HttpResult): Promise<void> {
  if (response.destroyed) return;
  const bodyIsUnread = !message.readableEnded && declaresBody(message);
  if (bodyIsUnread) await sendBeforeBody(response, result, context.timeouts.lingerMs);
  else sendResult(response, result, context.closing);
}

async function answer(context: Context, { message, response, left }: Exchange, requestId: string): Promise<HttpResult> {
  try {
    const given = readHead(message);
    checkHosts(given.fields, context.hosts, message.socket.localAddress, context.corsOrigins);
    if (isPreflight(given, context.corsOrigins)) return preflightResult;
    const page = isRead(given) ? context.page(given.path) : undefined;
    if (page) return await page;
    const { head, api, verifyBody } = admit(context, given);
    const giveBack = context.bodies.take(mostBytesOf(head));
    try {
      if (head.fields.expect !== undefined) response.writeContinue();
      const body = await readBody(message, head);
      verifyBody(body);
      await new Promise<void>(context.turn);
      const { signal } = left;
      return await callApi(
        context,
        api,
        eventOf(head, { requestId, sourceIp: message.socket.remoteAddress, body, signal }),
      );
    } finally {
      giveBack();
    }
  } catch (error) {
    if (!(error instanceof RivuletError)) context.onError(error, requestId);
    return problemResult(error, requestId);
  }
}

/** The handlers promise not to throw. If one throws nevertheless, a write may have happened. */
async function callApi(context: Context, api: HttpApi, event: Parameters<HttpApi>[0]): Promise<HttpResult> {
  try {
    return await api(event);
  } catch (error) {
    const { http, requestId } = event.requestContext;
    context.onError(error, requestId);
    return problemResult(rivuletErrorOf(error, http.method !== 'GET' && http.method !== 'HEAD'), requestId);
  }
}

type Admitted = Admission & { readonly verifyBody: (body: Uint8Array) => void };

/** A request below /console is the console's to judge. Every other request needs a signature. Throws FORBIDDEN. */
function admit(context: Context, head: RequestHead): Admitted {
  const toConsole = context.console && admitToConsole(context.console, head);
  if (toConsole) return { ...toConsole, verifyBody: () => undefined };
  if (!context.api) throw new RivuletError('NOT_FOUND', `There is nothing at ${head.path}`);
  return { head, api: context.api, verifyBody: isOpen(head) ? () => undefined : authenticate(context, head) };
}

/** A chunked body may be as long as its limit. */
const mostBytesOf = ({ hasBody, bodyBytes, maxBodyBytes }: RequestHead): number =>
  hasBody ? (bodyBytes ?? maxBodyBytes) : 0;

const declaresBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Monitors and code generators read these two paths without a signature. */
const isOpen = (head: RequestHead): boolean =>
  isRead(head) && (head.path === '/v1/health' || head.path === '/openapi.json');

const isRead = ({ method }: RequestHead): boolean => method === 'GET' || method === 'HEAD';

/** Checks the signed head and throws FORBIDDEN. It returns the second half of the check, to be run on the body. */
function authenticate({ credentials, region, clock }: Context, head: RequestHead): (body: Uint8Array) => void {
  const credentialsFor = (id: string): Credentials | undefined => credentials.get(id);
  const verdict = verifyHead(head, { credentialsFor, region, service: 'execute-api', nowMs: clock.now() });
  if (!verdict.ok) throw forbidden(verdict.reason);
  return (body) => {
    const whole = verdict.verifyBody(sha256Hex(body));
    if (!whole.ok) throw forbidden(whole.reason);
  };
}

function forbidden(reason: string): RivuletError {
  return new RivuletError('FORBIDDEN', `the request is not signed correctly: ${reason}`, {
    outcome: 'not-written',
  });
}

/** Ends an exchange after its answer was sent, or after its client has gone. */
function leave(context: Context, here: Exchange): void {
  context.connections.get(here.message.socket)?.delete(here);
  if (!here.response.writableFinished) here.left.abort(new Error('the client has gone'));
  const { socket } = here.message;
  if (context.closing && !isBusy(context, socket)) socket.destroySoon();
}

// --- connections

const exchangesOf = (context: Context, socket: Socket): Exchange[] => [...(context.connections.get(socket) ?? [])];

const isBusy = (context: Context, socket: Socket): boolean => exchangesOf(context, socket).length > 0;

/**
 * Handles bytes that are not HTTP, too many headers, and clients that are too slow. It answers only if no other answer is due
 * on this connection: otherwise the client would take it for the answer to an earlier request.
 */
type BytesError = NodeJS.ErrnoException & { readonly reason?: string; readonly rawPacket?: Buffer };

function onClientError(context: Context, error: BytesError, socket: Socket): void {
  // These are more bytes of a request that was already refused.
  if (socket.writableEnded) return;
  if (error.rawPacket && isKafkaRequest(error.rawPacket)) {
    const detail = `one of Kafka's clients has connected to port ${socket.localPort}, which speaks HTTP: give it the port for Kafka's clients`;
    context.onStranger(invalid(detail));
    socket.destroy();
    return;
  }
  const due = exchangesOf(context, socket);
  const isFree = due.length === 0 || (due.length === 1 && !due[0]!.message.complete && !due[0]!.response.headersSent);
  if (!socket.writable || error.code === 'ECONNRESET' || !isFree) socket.destroy();
  else refuseBytes(context, socket, problemOfBytes(context, error));
}

function problemOfBytes({ timeouts }: Context, { code, reason, message }: BytesError): RivuletError {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge(`${limits.headBytes} bytes or more`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return invalid(
      `request: expected the headers within ${timeouts.headersMs} ms and the body within ${timeouts.requestMs} ms, got them too late`,
    );
  return invalid(`request: expected HTTP/1.1, got bytes that cannot be read: ${reason ?? message}`);
}

function refuseBytes({ newRequestId, timeouts }: Context, socket: Duplex, error: RivuletError): void {
  sendOnSocket(socket, problemResult(error, newRequestId()), timeouts.lingerMs);
}

const closingReason = (): Error => new Error('the server is closing');

async function close(server: Server, context: Context): Promise<void> {
  context.closing = true;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const [socket, exchanges] of [...context.connections]) {
    if (exchanges.size === 0) socket.destroy();
    for (const { left } of exchanges) left.abort(closingReason());
  }
  const timer = setTimeout(() => server.closeAllConnections(), context.timeouts.closeMs);
  await closed;
  clearTimeout(timer);
}
