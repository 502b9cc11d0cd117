// Compares the embedded backend with Apache Kafka on this machine. Both sides take turns within each round, and the tables have
// the ratios of neighbours, because on a shared machine nothing else means anything.
import { loadavg } from 'node:os';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Child, startChild } from '../child.ts';
import { receiveAll, sendFor } from '../load.ts';
import { cpuMs, median } from '../statistics.ts';
import { decimal, printTable, whole } from '../table.ts';
import { type Kafka, requireKafkaTools, startKafka } from './kafka.ts';

const KiB = 1024;
const MiB = 2 ** 20;

/** Both sides make batches of this size, and put into a request what their clients put into it. Kafka sends so many bytes of records: what a quiet machine takes some three seconds for. */
export const peerLoads = {
  '1MiB': { title: '1 KiB in 1 MiB', recordBytes: KiB, batchBytes: MiB, kafkaBytes: 384 * MiB },
  '256KiB': { title: '1 KiB in 256 KiB', recordBytes: KiB, batchBytes: 256 * KiB, kafkaBytes: 384 * MiB },
  '16KiB': { title: '1 KiB in 16 KiB', recordBytes: KiB, batchBytes: 16 * KiB, kafkaBytes: 192 * MiB },
  '100B': { title: '100 B in 1 MiB', recordBytes: 100, batchBytes: MiB, kafkaBytes: 160 * MiB },
} as const;

export type PeerLoadName = keyof typeof peerLoads;
type Load = (typeof peerLoads)[PeerLoadName];

export type PeersPlan = {
  readonly rounds: number;
  /** How long our side produces in a round. */
  readonly forMs: number;
  /** The part of `kafkaBytes` that Kafka's side produces. */
  readonly kafkaShare: number;
  readonly loads: readonly PeerLoadName[];
};

/** MiB of values a second. */
type Rates = { readonly produce: number; readonly consume: number };
/** For each MiB of values that our side produces. The processor time is in milliseconds, of all threads. */
type Costs = { readonly client: number; readonly server: number; readonly requests: number; readonly puts: number };
type Round = { readonly ours: Rates; readonly kafka: Rates; readonly costs: Costs };

const partitions = 6;
/** A Java producer has as many requests under way. */
const connections = 5;
/** A Java producer may keep twice as much. */
const unansweredBytes = 16 * MiB;
const warmUpShare = 0.25;

export async function benchPeers(directory: string, plan: PeersPlan): Promise<void> {
  try {
    await requireKafkaTools();
  } catch (error) {
    console.log(`Skipped: the comparison with Apache Kafka needs Java and Maven. ${(error as Error).message}`);
    return;
  }
  const kafka = await startKafka(`${directory}/kafka`, partitions);
  const backend = await startChild('backend', `${directory}/peers-backend`);
  try {
    explain();
    const rounds = await measure(kafka, backend, plan);
    print('produce', rounds);
    printCosts(rounds);
    print('consume', rounds);
  } finally {
    await Promise.all([kafka.stop(), backend.stop()]);
  }
}

function explain(): void {
  console.log(
    [
      `\nBoth on loopback, ${partitions} partitions, no compression, one client process and one server process each.`,
      `Rivulet: this SDK in Node, at most ${connections} requests under way, with all batches in them that are ready (up to 4 MiB). The`,
      'server syncs the file of each segment and the commit in SQLite before it answers.',
      'Kafka 4.3.1: its own ProducerPerformance and ConsumerPerformance in Java, acks=all, linger 5 ms. The broker (1 GiB of heap)',
      'answers when the page cache of the operating system has the records. It syncs nothing.',
    ].join('\n'),
  );
}

async function measure(kafka: Kafka, backend: Child, plan: PeersPlan): Promise<Map<Load, Round[]>> {
  const client = new Rivulet({ url: backend.url });
  await warmUp(client);
  const rounds = new Map<Load, Round[]>(plan.loads.map((name) => [peerLoads[name], []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of plan.loads) {
      const topic = `${name}-${round}`;
      const oneRound = round % 2 === 0 ? oursFirst : kafkaFirst;
      const result = await oneRound({ kafka, client, backend }, topic, peerLoads[name], plan);
      rounds.get(peerLoads[name])!.push(result);
      const { ours, kafka: theirs } = result;
      const both = (what: keyof Rates) => `${what} ${decimal(ours[what], 1)} / ${decimal(theirs[what], 1)}`;
      console.log(
        `round ${round + 1}, ${name}: ${both('produce')}, ${both('consume')} MiB/s (load ${loadavg()[0]!.toFixed(1)})`,
      );
    }
  }
  return rounds;
}

type Sides = { readonly kafka: Kafka; readonly client: Rivulet; readonly backend: Child };

async function oursFirst(sides: Sides, topic: string, load: Load, plan: PeersPlan): Promise<Round> {
  const { kafka, client } = sides;
  const sent = await produceOurs(sides, topic, load, plan);
  const theirs = await produceKafka(kafka, topic, load, plan);
  const consume = await consumeOurs(client, topic, load, sent.count);
  return {
    ours: { produce: sent.rate, consume },
    kafka: { produce: theirs.rate, consume: await kafka.consume(topic, theirs.records) },
    costs: sent.costs,
  };
}

async function kafkaFirst(sides: Sides, topic: string, load: Load, plan: PeersPlan): Promise<Round> {
  const { kafka, client } = sides;
  const theirs = await produceKafka(kafka, topic, load, plan);
  const sent = await produceOurs(sides, topic, load, plan);
  const consumeTheirs = await kafka.consume(topic, theirs.records);
  return {
    ours: { produce: sent.rate, consume: await consumeOurs(client, topic, load, sent.count) },
    kafka: { produce: theirs.rate, consume: consumeTheirs },
    costs: sent.costs,
  };
}

/** The SDK and the server are as warm as they will be before the first round. Each of Kafka's tools warms up by itself. */
async function warmUp(client: Rivulet): Promise<void> {
  const topic = 'warm-up';
  await client.admin().createTopics({ topics: [{ topic, partitions }] });
  for (const load of [peerLoads['256KiB'], peerLoads['16KiB']]) {
    const count = await sendFor(client, topic, loadOf(load), connections, 1_000);
    await receiveAll(client, topic, new Array(partitions).fill(0), count);
  }
}

const loadOf = ({ recordBytes, batchBytes }: Load) => ({ recordBytes, batchBytes, unansweredBytes });

async function produceOurs({ client, backend }: Sides, topic: string, load: Load, { forMs }: PeersPlan) {
  await client.admin().createTopics({ topics: [{ topic, partitions }] });
  const before = { ...(await backend.report()), clientMs: cpuMs() };
  const { count, seconds } = await timed(() => sendFor(client, topic, loadOf(load), connections, forMs));
  const after = { ...(await backend.report()), clientMs: cpuMs() };
  const perMiB = (what: 'clientMs' | 'cpuMs' | 'transfers' | 'puts') =>
    ((after[what] - before[what]) * MiB) / (count * load.recordBytes);
  const costs = {
    client: perMiB('clientMs'),
    server: perMiB('cpuMs'),
    requests: perMiB('transfers'),
    puts: perMiB('puts'),
  };
  return { count, rate: rateOf(load, count, seconds), costs };
}

async function consumeOurs(client: Rivulet, topic: string, load: Load, sent: number): Promise<number> {
  const { count, seconds } = await timed(() => receiveAll(client, topic, new Array(partitions).fill(0), sent));
  return rateOf(load, count, seconds);
}

async function produceKafka(kafka: Kafka, topic: string, load: Load, { kafkaShare }: PeersPlan) {
  const { recordBytes, batchBytes, kafkaBytes } = load;
  const measured = Math.round((kafkaBytes * kafkaShare) / recordBytes);
  const warmUpRecords = Math.round(measured * warmUpShare);
  const records = measured + warmUpRecords;
  return { records, rate: await kafka.produce(topic, { recordBytes, batchBytes, warmUpRecords, records }) };
}

async function timed(work: () => Promise<number>): Promise<{ count: number; seconds: number }> {
  const began = performance.now();
  const count = await work();
  return { count, seconds: (performance.now() - began) / 1_000 };
}

const rateOf = ({ recordBytes }: Load, count: number, seconds: number): number => (count * recordBytes) / MiB / seconds;

function print(what: keyof Rates, rounds: ReadonlyMap<Load, readonly Round[]>): void {
  const rows = [...rounds].map(([{ title }, of]) => {
    const ratios = of.map(({ ours, kafka }) => ours[what] / kafka[what]);
    return [
      title,
      whole(median(of.map(({ ours }) => ours[what]))),
      whole(median(of.map(({ kafka }) => kafka[what]))),
      decimal(median(ratios), 2),
      `${decimal(Math.min(...ratios), 2)} to ${decimal(Math.max(...ratios), 2)}`,
    ];
  });
  const header = ['records in batches', 'Rivulet MiB/s', 'Kafka MiB/s', 'ratio', 'in the rounds'];
  printTable(`Peers, ${what}: medians, and the median of the ratios within each round`, header, rows);
}

function printCosts(rounds: ReadonlyMap<Load, readonly Round[]>): void {
  const rows = [...rounds].map(([{ title }, of]) => {
    const cost = (what: keyof Costs, digits: number) => decimal(median(of.map(({ costs }) => costs[what])), digits);
    return [title, cost('client', 1), cost('server', 1), cost('requests', 2), cost('puts', 2)];
  });
  const header = ['records in batches', 'client ms', 'server ms', 'requests', 'PUTs'];
  printTable('Peers, what a MiB costs Rivulet to produce: processor time and counts', header, rows);
}
