// Listens on a TCP port, or says why not.
import { once } from 'node:events';
import type { Server } from 'node:net';

/** Rejects if it cannot listen there. Later errors of the server are left to its caller. */
export async function listening(server: Server, host: string, port: number): Promise<Server> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    throw new Error(`cannot listen on ${host}:${port}: ${(error as Error).message}`, { cause: error });
  }
}
