// Measures group commit: the same closed loops of producers against two embedded backends, of which one gives each request a
// segment of its own. The two take turns within each round.
import { Rivulet } from '../../client/rivulet.ts';
import { type Child, startChild } from './child.ts';
import { median, percentile } from './statistics.ts';
import { decimal, printTable, whole } from './table.ts';
import type { Plan } from './throughput.ts';

/** Each producer sends so many records of 1 KiB as one batch, and the next batch after the answer. */
type Load = { readonly producers: number; readonly records: number };

const loads: readonly Load[] = [
  { producers: 1, records: 1 },
  { producers: 50, records: 1 },
  { producers: 1, records: 16 },
  { producers: 8, records: 16 },
  { producers: 64, records: 16 },
];

type Round = {
  readonly perSecond: number;
  readonly putsPerAppend: number;
  /** Milliseconds of the server's processor time for each append. Other work changes it less than the rates. */
  readonly cpuPerAppend: number;
  readonly latencies: readonly number[];
};
type Side = { readonly server: Child; readonly client: Rivulet };

const topic = 'together';
const partitions = 6;
const recordBytes = 1024;
const mebibyte = 2 ** 20;

export async function benchGroupCommit(directory: string, plan: Plan): Promise<void> {
  const alone = await open('backend-alone', `${directory}/alone`);
  const grouped = await open('backend', `${directory}/grouped`);
  const rows: string[][] = [];
  for (const load of loads) {
    const rounds: { readonly alone: Round; readonly grouped: Round }[] = [];
    await Promise.all([alone, grouped].map((side) => run(side, load, plan.floorMs)));
    for (let i = 0; i < plan.rounds; i++)
      rounds.push({ alone: await run(alone, load, plan.forMs), grouped: await run(grouped, load, plan.forMs) });
    rows.push(rowOf(load, rounds));
  }
  await Promise.all([alone.server.stop(), grouped.server.stop()]);
  printTable(
    `Group commit: producers that send records of 1 KiB and wait for the answer, ${partitions} partitions, without and with`,
    [
      'producers, records',
      'MiB/s',
      'with',
      'ratio',
      'PUTs an append',
      'with',
      'server ms',
      'with',
      'p50 ms',
      'with',
      'p99 ms',
      'with',
    ],
    rows,
  );
}

async function open(role: string, directory: string): Promise<Side> {
  const server = await startChild(role, directory);
  const client = new Rivulet({ url: server.url });
  await client.admin().createTopics({ topics: [{ topic, partitions }] });
  return { server, client };
}

async function run({ server, client }: Side, load: Load, forMs: number): Promise<Round> {
  const loops = Array.from({ length: load.producers }, (_, i) => loopOf(client, load, i % partitions));
  for (const { send } of loops) await send();
  const before = await server.report();
  const began = performance.now();
  const latencies = (await Promise.all(loops.map(({ send }) => timesOf(send, began + forMs)))).flat();
  const seconds = (performance.now() - began) / 1000;
  const after = await server.report();
  await Promise.all(loops.map(({ end }) => end()));
  return {
    perSecond: (latencies.length * load.records * recordBytes) / seconds,
    putsPerAppend: (after.puts - before.puts) / latencies.length,
    cpuPerAppend: (after.cpuMs - before.cpuMs) / latencies.length,
    latencies,
  };
}

function loopOf(client: Rivulet, { records }: Load, partition: number) {
  const producer = client.producer({ lingerMs: 0 });
  const messages = Array.from({ length: records }, () => ({
    partition,
    value: Buffer.alloc(recordBytes, 'together '),
  }));
  return { send: () => producer.send({ topic, messages }), end: () => producer.disconnect() };
}

async function timesOf(send: () => Promise<unknown>, untilMs: number): Promise<number[]> {
  const times: number[] = [];
  while (performance.now() < untilMs) {
    const sent = performance.now();
    await send();
    times.push(performance.now() - sent);
  }
  return times;
}

function rowOf(
  { producers, records }: Load,
  rounds: readonly { readonly alone: Round; readonly grouped: Round }[],
): string[] {
  const both = (value: (round: Round) => number, digits: number): string[] =>
    (['alone', 'grouped'] as const).map((side) => decimal(median(rounds.map((round) => value(round[side]))), digits));
  const ratio = median(rounds.map(({ alone, grouped }) => grouped.perSecond / alone.perSecond));
  return [
    `${whole(producers)}, ${whole(records)}`,
    ...both(({ perSecond }) => perSecond / mebibyte, 2),
    `${decimal(ratio, 2)} x`,
    ...both(({ putsPerAppend }) => putsPerAppend, 2),
    ...both(({ cpuPerAppend }) => cpuPerAppend, 2),
    ...both(({ latencies }) => percentile(latencies, 0.5), 2),
    ...both(({ latencies }) => percentile(latencies, 0.99), 2),
  ];
}
