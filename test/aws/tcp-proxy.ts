// Stands between clients and servers on this machine, as a load balancer does: each new connection goes to the next server
// that takes it. A test can cut it, as a broken network would.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type TcpProxy = {
  readonly port: number;
  /** The ports of the servers, in the order in which they are tried. */
  targets: readonly number[];
  /** Ends all connections, and takes no more until it is mended. */
  cut(): void;
  mend(): void;
  close(): void;
};

export async function startProxy(targets: readonly number[]): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let turn = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (isCut) return client.destroy();
    const { length } = proxy.targets;
    const first = turn++;
    forward(
      client,
      proxy.targets.map((_, i) => proxy.targets[(first + i) % length]!),
    );
    return undefined;
  });
  function forward(client: Socket, [target, ...others]: readonly number[]): void {
    if (target === undefined) return void client.destroy();
    const upstream = keep(connect(target, '127.0.0.1'));
    let isOpen = false;
    upstream.once('connect', () => {
      isOpen = true;
      client.pipe(upstream).pipe(client);
    });
    upstream.once('close', () => (isOpen ? client.destroy() : forward(client, others)));
    client.once('close', () => upstream.destroy());
  }
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    targets,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}
