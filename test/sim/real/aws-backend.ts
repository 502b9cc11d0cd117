// This is everything that runs in AWS, except for the gateway and Lambda: two processes with the engine over S3 and
// DynamoDB, of which one at a time is killed. Proxies that lose requests and replies stand between client and server,
// and between server and storage:
//
//   client -> [faulty] -> balancer -> either process -> faulty -> S3, DynamoDB
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { createTestBucket, createTestTable, type StorageConnection } from '../../aws/resources.ts';
import type { Backend } from '../../client/embedded.ts';
import { type RealHome, startFaultyProxy } from './backend.ts';
import { startServerProcess } from './server-process.ts';

export async function startAwsHome(connection: StorageConnection): Promise<RealHome> {
  const faults = { share: 0, met: 0 };
  const [bucket, tableName, s3, dynamoDb] = await Promise.all([
    createTestBucket(connection),
    createTestTable(connection),
    startFaultyProxy(connection.endpoint!, faults),
    startFaultyProxy(connection.dynamoDb?.endpoint ?? connection.endpoint!, faults),
  ]);
  const config = { ...connection, endpoint: s3.url, dynamoDb: { endpoint: dynamoDb.url }, bucket, tableName };
  const serve = (port: number) =>
    startServerProcess('test/sim/real/aws-server.ts', [JSON.stringify(config), `${port}`]);
  const servers = await Promise.all([serve(0), serve(0)]);
  const ports = servers.map(({ url }) => Number(new URL(url).port));
  const balancer = await startBalancer(ports);
  const proxy = await startFaultyProxy(balancer.url, faults);
  return {
    urls: [balancer.url, proxy.url],
    quietUrl: balancer.url,
    faults,
    hasConflicts: true,
    async killOne() {
      const at = Math.floor(Math.random() * servers.length);
      await servers[at]!.kill();
      servers[at] = await serve(ports[at]!);
    },
    async close() {
      await Promise.all([proxy, balancer, s3, dynamoDb].map((server) => server.close()));
      await Promise.all(servers.map((server) => server.kill()));
    },
  };
}

/** Each connection goes to one of the ports. A try after a failure goes to any of them. */
async function startBalancer(ports: readonly number[]): Promise<Backend> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const port = ports[Math.floor(Math.random() * ports.length)]!;
    const onward = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, onward],
      [onward, client],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
