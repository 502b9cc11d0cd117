// A tunnel passes bytes between a client and a service. A test can kill its connections in the way that a frozen client
// finds them after a thaw: they look alive, and break or swallow what is sent next.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Death = 'breaks' | 'swallows';

export type Tunnel = {
  readonly url: string;
  /** How many connections the client has made. */
  accepted(): number;
  /** Lets every connection of now die. New ones live. */
  kill(how: Death): void;
  close(): Promise<void>;
};

export async function openTunnel(target: string): Promise<Tunnel> {
  const { hostname, port } = new URL(target);
  const living = new Map<Socket, (how: Death) => void>();
  let accepted = 0;
  const server = createServer((client) => {
    accepted++;
    const service = connect(Number(port), hostname);
    let death: Death | undefined;
    living.set(client, (how) => (death = how));
    client.on('data', (bytes) => {
      if (death === undefined) service.write(bytes);
      else if (death === 'breaks') client.resetAndDestroy();
    });
    service.on('data', (bytes) => client.write(bytes));
    for (const end of [client, service]) end.on('error', () => undefined);
    service.on('close', () => death ?? client.destroy());
    client.on('close', () => {
      living.delete(client);
      service.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: () => accepted,
    kill: (how) => {
      for (const die of living.values()) die(how);
    },
    close: () => {
      for (const client of living.keys()) client.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
