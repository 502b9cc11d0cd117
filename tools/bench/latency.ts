// Measures one record at a time, from send() to the acknowledgement, and the bare floor with the same bytes. Both take turns.
import { Rivulet } from '../../client/rivulet.ts';
import { startChild } from './child.ts';
import { loadFloor } from './floor.ts';
import { percentile } from './statistics.ts';
import { decimal, printTable } from './table.ts';
import type { Plan } from './throughput.ts';

const floorKinds = ['each', 'sync', 'plain'] as const;

type Latencies = Readonly<Record<'rivulet' | 'inline' | (typeof floorKinds)[number], number[]>>;

const topic = 'latency';
/** The appends of this topic become items of the table. */
const inlineTopic = 'latency-inline';
const recordBytes = 1024;
const warmUpSends = 500;

export async function benchLatency(directory: string, plan: Plan): Promise<void> {
  const backend = await startChild('backend', `${directory}/latency-backend`);
  const floor = await startChild('floor', `${directory}/latency-floor`);
  const client = new Rivulet({ url: backend.url });
  const config = { 'rivulet.inline.max.bytes': '65536' };
  await client.admin().createTopics({ topics: [{ topic }, { topic: inlineTopic, config }] });
  const producer = client.producer({ lingerMs: 0 });
  const sendTo = (to: string) => async (): Promise<void> =>
    void (await producer.send({ topic: to, messages: [{ value: Buffer.alloc(recordBytes, 'one ') }] }));
  const sends = { rivulet: sendTo(topic), inline: sendTo(inlineTopic) };
  for (let i = 0; i < warmUpSends; i++) for (const send of Object.values(sends)) await send();
  const latencies: Latencies = { rivulet: [], inline: [], each: [], sync: [], plain: [] };
  for (let round = 0; round < plan.rounds; round++) {
    for (const kind of ['rivulet', 'inline'] as const)
      latencies[kind].push(...(await timesOf(sends[kind], plan.forMs)));
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
    inline: 'Rivulet, inline',
    each: 'floor, a file each, fsync',
    sync: 'floor, one file, fsync',
    plain: 'floor, one file, no fsync',
  };
  const shares = [0.5, 0.99];
  const rows = (Object.keys(names) as (keyof Latencies)[]).map((kind) => {
    const times = shares.map((share) => percentile(latencies[kind], share));
    const toFloor = (floor: 'sync' | 'each') =>
      shares.map((share, i) => times[i]! / percentile(latencies[floor], share));
    const ratios = [...toFloor('sync'), ...toFloor('each')].map((ratio) => `${decimal(ratio, 2)} x`);
    return [names[kind], ...times.map((ms) => decimal(ms, 2)), ...ratios];
  });
  printTable(
    'One record of 1 KiB at a time, 1 connection, from send() to the acknowledgement',
    ['', 'p50 ms', 'p99 ms', 'p50 to fsync', 'p99 to fsync', 'p50 to a file each', 'p99 to a file each'],
    rows,
  );
}
