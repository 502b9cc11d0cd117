// The listener: Kafka's protocol on one TCP port for each node, in the open or over TLS.
//
// Invariant: without TLS it listens on loopback only; auth/security.ts checks that. Clients that are not known yet are few,
// for a short time.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import type { Gateway } from './api.ts';
import { createLobby, type Lobby } from './auth/lobby.ts';
import { AuthenticationError, type Identity } from './auth/sasl/exchange.ts';
import type { Security } from './auth/security.ts';
import { openSession } from './auth/session.ts';
import { certifiedIdentity, watchTls } from './auth/tls.ts';
import type { Watched } from './auth/watched-files.ts';
import { createBudget } from './budget.ts';
import type { Node } from './cluster.ts';
import { type Connection, serveConnection } from './connection.ts';
import { type Limits, limits } from './limits.ts';
import { listening } from './listening.ts';

export type Address = { readonly host: string; readonly port: number };

export type KafkaServer = {
  readonly host: string;
  /** One for each node. */
  readonly ports: readonly number[];
  /** The port of the first node. */
  readonly port: number;
  /** Where clients are told to find each node. */
  readonly nodes: readonly Node[];
  /** The number of open connections, also of clients that have not authenticated yet. */
  connections(): number;
  /**
   * Takes no new connections, and ends the others one after the other within `spreadMs`, so that their clients do not all
   * connect elsewhere at once. Resolves when the requests under way are answered, or after `closeMs` more.
   */
  close(options?: { readonly spreadMs?: number }): Promise<void>;
};

export type Listening = {
  readonly host: string;
  /** One for each node; 0 is any free port. */
  readonly ports: readonly number[];
  /** Where clients reach each node, if that is not where it listens. */
  readonly advertised?: readonly Address[];
  readonly limits?: Partial<Limits>;
  readonly security: Security;
  readonly clock: { now(): number };
  readonly onError: (error: unknown) => void;
  readonly gatewayAt: (nodes: readonly Node[], bound: readonly Address[]) => Gateway;
};

/** Rejects if it may not or cannot listen there. */
export async function listenForKafka(listening: Listening): Promise<KafkaServer> {
  const { host, ports, advertised, gatewayAt, security, onError } = listening;
  if (advertised && advertised.length !== ports.length)
    throw new Error(`advertised: expected an address for each of the ${ports.length} nodes, got ${advertised.length}`);
  const bounds = { ...limits, ...listening.limits };
  const { servers, closeFiles } = await listenOnAll(host, ports, security, bounds, onError);
  const bound = servers.map((server) => ({ host, port: (server.address() as AddressInfo).port }));
  const nodes = (advertised ?? bound).map((address, i) => ({ nodeId: i + 1, ...address }));
  const shared = { gateway: gatewayAt(nodes, bound), budget: createBudget(bounds.budgetBytes), limits: bounds };
  const connections = new Set<Connection>();
  const lobby = createLobby(bounds);
  let sockets = 0;
  let number = 0;
  for (const server of servers) {
    server.on('error', onError);
    server.on('connection', (socket: Socket) => {
      // Each connection is a socket with its buffers, whichever node it has chosen.
      if (sockets >= bounds.connections) return socket.destroy();
      sockets++;
      socket.on('close', () => sockets--);
      return lobby.enter(socket);
    });
    server.on(security.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      if (socket.destroyed) return undefined;
      const session = sessionOf(socket, { ...listening, limits: bounds }, lobby);
      if (!session) return socket.destroy();
      const connection = serveConnection(socket, { ...shared, session, number: number++ });
      connections.add(connection);
      return socket.on('close', () => connections.delete(connection));
    });
  }
  const closeAll = async ({ spreadMs = 0 } = {}): Promise<void> => {
    closeFiles();
    security.close();
    await close(servers, connections, spreadMs, bounds);
  };
  const all = bound.map(({ port }) => port);
  return { host, ports: all, port: all[0]!, nodes, connections: () => sockets, close: closeAll };
}

/** Listens on all of them or on none. */
async function listenOnAll(
  host: string,
  ports: readonly number[],
  ...[security, bounds, onError]: Parameters<typeof createListener>
): Promise<{ readonly servers: readonly Server[]; readonly closeFiles: () => void }> {
  const listeners: Listener[] = [];
  const closeFiles = (): void => {
    for (const listener of listeners) listener.closeFiles();
  };
  try {
    for (const port of ports) {
      const listener = await createListener(security, bounds, onError);
      listeners.push(listener);
      await listening(listener.server, host, port);
    }
    return { servers: listeners.map(({ server }) => server), closeFiles };
  } catch (error) {
    closeFiles();
    for (const { server } of listeners) server.close();
    throw error;
  }
}

type Listener = { readonly server: Server; readonly closeFiles: () => void };

async function createListener(
  { tls, mechanisms, lookMs }: Security,
  bounds: Limits,
  onError: (error: unknown) => void,
): Promise<Listener> {
  if (!tls) return { server: createServer(), closeFiles: () => undefined };
  const files: Watched<object> = await watchTls(tls, {
    ...(lookMs !== undefined && { lookMs }),
    onChange: (material) => server.setSecureContext(material),
    onError,
  });
  const certificates = {
    requestCert: tls.clientCaFile !== undefined,
    // Clients without a certificate may have a password.
    rejectUnauthorized: mechanisms.size === 0,
  };
  const server = createTlsServer({
    ...files.current(),
    ...certificates,
    handshakeTimeout: bounds.authenticationMs,
  });
  server.on('tlsClientError', (error) => {
    // A health check connects and leaves.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') onError(error);
  });
  return { server, closeFiles: files.close };
}

/** Undefined for a client whose certificate is refused. */
function sessionOf(
  socket: Socket,
  { security, limits: bounds, clock, onError }: Listening & { limits: Limits },
  lobby: Lobby,
) {
  try {
    const identity = knownIdentity(socket, security);
    return openSession({
      ...{ mechanisms: security.mechanisms, limits: bounds, clock, onOpen: () => lobby.leave(socket) },
      ...(identity && { identity }),
    });
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    onError(error);
    return undefined;
  }
}

/** Apache Kafka's name for clients that nobody asks who they are. */
const anonymous: Identity = { principal: 'ANONYMOUS' };

function knownIdentity(socket: Socket, { mechanisms, tls }: Security): Identity | undefined {
  const certified =
    tls?.clientCaFile !== undefined && socket instanceof TLSSocket ? certifiedIdentity(socket) : undefined;
  if (certified) return certified;
  const mustProve = mechanisms.size > 0 || tls?.clientCaFile !== undefined;
  return mustProve ? undefined : anonymous;
}

function finishAfter(connection: Connection, ms: number): NodeJS.Timeout | undefined {
  if (ms > 0) return setTimeout(() => connection.finish(), ms);
  connection.finish();
  return undefined;
}

async function close(
  servers: readonly Server[],
  connections: ReadonlySet<Connection>,
  spreadMs: number,
  { closeMs }: Limits,
): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  const leaving = [...connections];
  const timers = leaving.map((connection, i) => finishAfter(connection, Math.floor((spreadMs * i) / leaving.length)));
  const end = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, spreadMs + closeMs);
  await Promise.all(closed);
  for (const timer of [...timers, end]) clearTimeout(timer);
}
