// Measures produce and consume at full speed, each against the bare floor with the same number of connections and the same
// size of bodies. Rounds are interleaved, so that a slow minute of the machine affects all of them, and each ratio is taken
// within its round.
import { Rivulet } from '../../client/rivulet.ts';
import { type Child, startChild } from './child.ts';
import { type FloorLoad, loadFloor } from './floor.ts';
import { type Load, receiveAll, sendFor } from './load.ts';
import { cpuMs, median } from './statistics.ts';
import { decimal, percent, printTable, sizeName, whole } from './table.ts';

export type Plan = { readonly rounds: number; readonly forMs: number; readonly floorMs: number };

type Servers = { readonly backend: Child; readonly floor: Child; readonly client: Rivulet };

type Rate = {
  readonly bodyBytes: number;
  /** The bytes of bodies: records with their framing. */
  readonly perSecond: number;
  readonly countPerSecond: number;
  /** Milliseconds of processor time per MB. */
  readonly clientCpu: number;
  readonly serverCpu: number;
};

type Sample = { readonly rivulet: Rate; readonly floors: readonly Rate[] };

const KiB = 1024;

/** Each request has one batch. The last load has the SDK's defaults: a request takes everything that is ready, up to 4 MiB. */
const loads: readonly Load[] = [100, 1024].flatMap((recordBytes) => [
  { recordBytes, batchBytes: 16 * KiB, requestBytes: 17 * KiB },
  { recordBytes, batchBytes: 256 * KiB, requestBytes: 257 * KiB },
  { recordBytes, batchBytes: 1024 * KiB, requestBytes: 1025 * KiB },
  { recordBytes },
]);

const topic = 'bench';
const connections = 4;
const megabyte = 1e6;
const floorKinds = ['each', 'sync', 'plain'] as const;

export async function benchThroughput(directory: string, plan: Plan): Promise<void> {
  const backend = await startChild('backend', `${directory}/backend`);
  const floor = await startChild('floor', `${directory}/floor`);
  const servers: Servers = { backend, floor, client: new Rivulet({ url: backend.url }) };
  await warmUp(servers);
  const produced = loads.map((): Sample[] => []);
  const consumed = loads.map((): Sample[] => []);
  for (let round = 0; round < plan.rounds; round++) {
    for (const [i, load] of loads.entries()) {
      const sent = await produce(servers, load, plan);
      produced[i]!.push(sent.sample);
      consumed[i]!.push(await consume(servers, sent, plan));
    }
  }
  await Promise.all([backend.stop(), floor.stop()]);
  printRates(
    'Produce: 4 partitions, 4 connections, answered after fsync',
    ['file each', 'fsync', 'no fsync'],
    produced,
  );
  printRates('Consume: 4 partitions, 1 connection', ['read'], consumed);
  printCpu(produced, consumed);
}

/** V8 compiles hot code only after some time, and the first objects of a topic create its folders. */
async function warmUp(servers: Servers): Promise<void> {
  await servers.client.admin().createTopics({ topics: [{ topic, partitions: connections }] });
  const plan = { rounds: 1, forMs: 1_500, floorMs: 200 };
  await produce(servers, loads[0]!, plan);
  await consume(servers, await produce(servers, loads[1]!, plan), plan);
}

type Sent = { readonly sample: Sample; readonly count: number; readonly from: readonly number[] };

async function produce({ backend, floor, client }: Servers, load: Load, plan: Plan): Promise<Sent> {
  const offsets = await client.admin().fetchTopicOffsets(topic);
  const { rate, count } = await measure(backend, () => sendFor(client, topic, load, connections, plan.forMs));
  const floors: Rate[] = [];
  for (const kind of floorKinds)
    floors.push(await measureFloor(floor, { kind, connections, bodyBytes: rate.bodyBytes, forMs: plan.floorMs }));
  return { count, sample: { rivulet: rate, floors }, from: offsets.map(({ latest }) => latest) };
}

/** Reads back the records that were just sent. */
async function consume({ backend, floor, client }: Servers, { from, count }: Sent, plan: Plan): Promise<Sample> {
  const { rate } = await measure(backend, () => receiveAll(client, topic, from, count));
  const load = { kind: 'read', connections: 1, bodyBytes: rate.bodyBytes, forMs: plan.floorMs } as const;
  return { rivulet: rate, floors: [await measureFloor(floor, load)] };
}

async function measureFloor(floor: Child, load: Omit<FloorLoad, 'url'>): Promise<Rate> {
  const run = async (): Promise<number> => (await loadFloor({ ...load, url: floor.url })).length;
  return (await measure(floor, run)).rate;
}

/** The rates that the server saw while `work` handled `count` records or requests. */
async function measure(server: Child, work: () => Promise<number>): Promise<{ rate: Rate; count: number }> {
  const before = await server.report();
  const cpuBefore = cpuMs();
  const began = performance.now();
  const count = await work();
  const seconds = (performance.now() - began) / 1000;
  const clientMs = cpuMs() - cpuBefore;
  const after = await server.report();
  const bytes = after.bytes - before.bytes;
  const rate = {
    bodyBytes: Math.round(bytes / (after.transfers - before.transfers)),
    perSecond: bytes / seconds,
    countPerSecond: count / seconds,
    clientCpu: (clientMs * megabyte) / bytes,
    serverCpu: ((after.cpuMs - before.cpuMs) * megabyte) / bytes,
  };
  return { rate, count };
}

// --- tables

const medianOf = (samples: readonly Sample[], value: (sample: Sample) => number): number => median(samples.map(value));

const nameOf = ({ recordBytes, batchBytes }: Load): string[] => [
  sizeName(recordBytes),
  batchBytes ? sizeName(batchBytes) : 'SDK default',
];

function printRates(title: string, floors: readonly string[], samples: readonly (readonly Sample[])[]): void {
  const header = ['records', 'batches', 'bodies', 'records/s', 'MB/s'];
  const floorHeader = floors.flatMap((floor) => [`floor, ${floor}`, 'ratio']);
  const rows = loads.map((load, i) => {
    const of = (value: (sample: Sample) => number): number => medianOf(samples[i]!, value);
    return [
      ...nameOf(load),
      `${whole(of(({ rivulet }) => rivulet.bodyBytes) / KiB)} KiB`,
      whole(of(({ rivulet }) => rivulet.countPerSecond)),
      whole(of(({ rivulet }) => rivulet.perSecond) / megabyte),
      ...floors.flatMap((_, at) => [
        whole(of((sample) => sample.floors[at]!.perSecond) / megabyte),
        percent(of((sample) => sample.rivulet.perSecond / sample.floors[at]!.perSecond)),
      ]),
    ];
  });
  printTable(title, [...header, ...floorHeader], rows);
}

/** Other processes disturb processor time less than the rates. The floors are the ones with fsync, and the read. */
function printCpu(produced: readonly (readonly Sample[])[], consumed: readonly (readonly Sample[])[]): void {
  const of = (samples: readonly Sample[], floor: number): string[] =>
    [
      (sample: Sample) => sample.rivulet.clientCpu,
      (sample: Sample) => sample.rivulet.serverCpu,
      (sample: Sample) => sample.floors[floor]!.clientCpu,
      (sample: Sample) => sample.floors[floor]!.serverCpu,
    ].map((value) => decimal(medianOf(samples, value), 1));
  printTable(
    'Processor time, ms per MB (a core has 1,000 a second): of the client and of the server, Rivulet and floor',
    [
      'records',
      'batches',
      ...['produce', 'consume'].flatMap((what) => [`${what}: client`, 'server', 'floor', 'server']),
    ],
    loads.map((load, i) => [...nameOf(load), ...of(produced[i]!, floorKinds.indexOf('sync')), ...of(consumed[i]!, 0)]),
  );
}
