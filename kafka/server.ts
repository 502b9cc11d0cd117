// The listener: Kafka's protocol on a TCP port of this machine.
//
// Invariant: it listens on loopback only, because the protocol comes without TLS and without a password here.
import { type AddressInfo, createServer, type Server } from 'node:net';
import { isLoopback } from '../lib/runtime/loopback.ts';
import type { Gateway } from './api.ts';
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
  /** Called with the address that clients are to connect to. */
  readonly gatewayAt: (host: string, port: number) => Gateway;
};

/** Rejects if it may not or cannot listen there. */
export async function listenForKafka({ host, port, gatewayAt, ...options }: Listening): Promise<KafkaServer> {
  if (!isLoopback(host)) throw new Error(`Kafka host: expected an address of loopback, got ${host}`);
  const bounds = { ...limits, ...options.limits };
  const connections = new Set<Connection>();
  const server = createServer();
  server.maxConnections = bounds.connections;
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  const shared = { gateway: gatewayAt(host, bound), budget: createBudget(bounds.budgetBytes), limits: bounds };
  let number = 0;
  server.on('connection', (socket) => {
    const connection = serveConnection(socket, { ...shared, number: number++ });
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  return { host, port: bound, close: () => close(server, connections, bounds) };
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
