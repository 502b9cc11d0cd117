// The listener: Kafka's protocol on one TCP port for each node.
//
// Invariant: it listens on loopback only, because the protocol comes without TLS and without a password here.
import { type AddressInfo, createServer, type Server } from 'node:net';
import { isLoopback } from '../lib/runtime/loopback.ts';
import type { Gateway } from './api.ts';
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
  readonly gatewayAt: (nodes: readonly Node[]) => Gateway;
};

/** Rejects if it may not or cannot listen there. */
export async function listenForKafka({ host, ports, advertised, gatewayAt, ...options }: Listening) {
  if (!isLoopback(host))
    throw new Error(
      `Kafka host: expected an address of loopback, because clients come without TLS and without a password, got ${host}`,
    );
  if (advertised && advertised.length !== ports.length)
    throw new Error(`advertised: expected an address for each of the ${ports.length} nodes, got ${advertised.length}`);
  const bounds = { ...limits, ...options.limits };
  const connections = new Set<Connection>();
  const servers = await listenOnAll(host, ports);
  const bound = servers.map((server) => ({ host, port: (server.address() as AddressInfo).port }));
  const nodes = (advertised ?? bound).map((address, i) => ({ nodeId: i + 1, ...address }));
  const shared = { gateway: gatewayAt(nodes), budget: createBudget(bounds.budgetBytes), limits: bounds };
  let number = 0;
  for (const server of servers) {
    server.on('error', shared.gateway.onError);
    server.on('connection', (socket) => {
      // Each connection is a socket with its buffers, whichever node it has chosen.
      if (connections.size >= bounds.connections) return socket.destroy();
      const connection = serveConnection(socket, { ...shared, number: number++ });
      connections.add(connection);
      socket.on('close', () => connections.delete(connection));
      return undefined;
    });
  }
  return {
    ...{ host, ports: bound.map(({ port }) => port), port: bound[0]!.port, nodes },
    close: ({ spreadMs = 0 } = {}) => close(servers, connections, spreadMs, bounds),
  } satisfies KafkaServer;
}

/** Listens on all of them or on none. */
async function listenOnAll(host: string, ports: readonly number[]): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    for (const port of ports) servers.push(await listening(createServer(), host, port));
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
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
