// A distributed worker of Kafka Connect, with its configuration, its offsets and its state in topics.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { address, type Program, scratch, start, until } from './program.ts';

export type Worker = {
  /** Starts it, or starts it again. */
  start(): Promise<Program>;
  /** Sends to its REST interface. Rejects with what it says. */
  send(method: 'POST' | 'PUT', path: string, body?: object): Promise<void>;
};

/** @param more settings beside the usual ones. */
export async function connectWorker(more: Readonly<Record<string, string>> = {}): Promise<Worker> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const storage = (['config', 'offset', 'status'] as const).map((name) => ({
    [`${name}.storage.topic`]: `connect-${name}s`,
    [`${name}.storage.replication.factor`]: 1,
  }));
  const settings = {
    'bootstrap.servers': address,
    'group.id': 'connect-cluster',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    ...Object.assign({}, ...storage),
    'offset.storage.partitions': 2,
    'offset.flush.interval.ms': 1_000,
    listeners: url,
    ...more,
  };
  const file = join(scratch, 'worker.properties');
  const lines = Object.entries(settings).map((pair) => pair.join('='));
  writeFileSync(file, lines.join('\n'));
  return {
    async start() {
      const program = start('org.apache.kafka.connect.cli.ConnectDistributed', file);
      let isUp = false;
      const ask = () =>
        fetch(`${url}/connectors`).then(
          ({ ok }) => (isUp = ok),
          () => false,
        );
      await until('the worker answers', 180, () => {
        void ask();
        return isUp;
      });
      return program;
    },
    async send(method, path, body) {
      const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const reply = await fetch(`${url}${path}`, { method, ...json });
      if (!reply.ok) throw new Error(`${method} ${path}: ${await reply.text()}`);
    },
  };
}

export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });
}
