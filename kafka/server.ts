// The listener: Kafka's protocol on a TCP port, in the open or over TLS.
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
import { type Connection, serveConnection } from './connection.ts';
import { type Limits, limits } from './limits.ts';

export type KafkaServer = {
  readonly host: string;
  readonly port: number;
  /** Ends waits, and resolves when the requests under way are answered, or after `closeMs`. */
  close(): Promise<void>;
};

export type Listening = {
  readonly host: string;
  readonly port: number;
  readonly limits?: Partial<Limits>;
  readonly security: Security;
  readonly clock: { now(): number };
  readonly onError: (error: unknown) => void;
  /** Called with the port that was bound. */
  readonly gatewayAt: (port: number) => Gateway;
};

/** Rejects if it may not or cannot listen there. */
export async function listenForKafka(listening: Listening): Promise<KafkaServer> {
  const { host, port, gatewayAt, security, onError } = listening;
  const bounds = { ...limits, ...listening.limits };
  const connections = new Set<Connection>();
  const { server, closeFiles } = await createListener(security, bounds, onError);
  server.maxConnections = bounds.connections;
  const lobby = createLobby(bounds);
  try {
    await listen(server, host, port);
  } catch (error) {
    closeFiles();
    throw error;
  }
  const { port: bound } = server.address() as AddressInfo;
  const shared = { gateway: gatewayAt(bound), budget: createBudget(bounds.budgetBytes), limits: bounds };
  let number = 0;
  server.on('connection', (socket) => lobby.enter(socket));
  server.on(security.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    const session = sessionOf(socket, { ...listening, limits: bounds }, lobby);
    if (!session) return socket.destroy();
    const connection = serveConnection(socket, { ...shared, session, number: number++ });
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  const closeAll = async (): Promise<void> => {
    closeFiles();
    security.close();
    await close(server, connections, bounds);
  };
  return { host, port: bound, close: closeAll };
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

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
}

async function close(server: Server, connections: ReadonlySet<Connection>, { closeMs }: Limits): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const connection of connections) connection.finish();
  const timer = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, closeMs);
  await closed;
  clearTimeout(timer);
}
