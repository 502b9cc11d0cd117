// A TCP port for load balancers: whoever can connect to it may send clients here. It is open from the time when the table has
// answered until the process begins to leave.
import { type AddressInfo, createServer, type Server } from 'node:net';
import { listening } from './listening.ts';

export type Health = { readonly port: number; close(): void };

/** Rejects if it cannot listen there. */
export async function openHealth(host: string, port: number): Promise<Health> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end();
  });
  await listening(server, host, port);
  server.on('error', () => undefined);
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
