// Measures one record at a time, from send() to the acknowledgement, and the bare floor with the same bytes. Both take turns.
import { Rivulet } from '../../client/rivulet.ts';
import { startChild } from './child.ts';
import { loadFloor } from './floor.ts';
import { percentile } from './statistics.ts';
import { decimal, printTable } from './table.ts';
import type { Plan } from './throughput.ts';

const floorKinds = ['each', 'sync', 'plain'] as const;

type Latencies = Readonly<Record<'rivulet' | (typeof floorKinds)[number], number[]>>;

const topic = 'latency';
const recordBytes = 1024;
const warmUpSends = 500;

export async function benchLatency(directory: string, plan: Plan): Promise<void> {
  const backend = await startChild('backend', `${directory}/latency-backend`);
  const floor = await startChild('floor', `${directory}/latency-floor`);
  const client = new Rivulet({ url: backend.url });
  await client.admin().createTopics({ topics: [{ topic }] });
  const producer = client.producer({ lingerMs: 0 });
  const send = async (): Promise<void> =>
    void (await producer.send({ topic, messages: [{ value: Buffer.alloc(recordBytes, 'one ') }] }));
  for (let i = 0; i < warmUpSends; i++) await send();
  const latencies: Latencies = { rivulet: [], each: [], sync: [], plain: [] };
  for (let round = 0; round < plan.rounds; round++) {
    latencies.rivulet.push(...(await timesOf(send, plan.forMs)));
    for (const kind of floorKinds) {
      const load = { url: floor.url, kind, connections: 1, bodyBytes: recordBytes, forMs: plan.floorMs };
      latencies[kind].push(...(await loadFloor(load)));
    }
  }
  await producer.disconnect();
  await Promise.all([backend.stop(), floor.stop()]);
  print(latencies);
}

async function timesOf(send: () => Promise<void>, forMs: number): Promise<number[]> {
  const times: number[] = [];
  for (const began = performance.now(); performance.now() - began < forMs; ) {
    const sent = performance.now();
    await send();
    times.push(performance.now() - sent);
  }
  return times;
}

function print(latencies: Latencies): void {
  const names = {
    rivulet: 'Rivulet',
    each: 'floor, a file each, fsync',
    sync: 'floor, one file, fsync',
    plain: 'floor, one file, no fsync',
  };
  const shares = [0.5, 0.99];
  const rows = (Object.keys(names) as (keyof Latencies)[]).map((kind) => {
    const times = shares.map((share) => percentile(latencies[kind], share));
    const ratios = shares.map((share, i) => times[i]! / percentile(latencies.sync, share));
    return [names[kind], ...times.map((ms) => decimal(ms, 2)), ...ratios.map((ratio) => `${decimal(ratio, 1)} x`)];
  });
  printTable(
    'One record of 1 KiB at a time, 1 connection, from send() to the acknowledgement',
    ['', 'p50 ms', 'p99 ms', 'p50 to fsync', 'p99 to fsync'],
    rows,
  );
}
