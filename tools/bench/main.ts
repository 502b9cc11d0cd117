// The benchmarks (`npm run bench -- --help`). They measure the embedded backend against the bare floor of this machine, the
// cost of appends and fetches in AWS, whether memory stays constant, the size and start of the Lambda functions, and the
// storage calls of the deployed API. README.md beside this file explains the figures.
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { benchCodec } from './codec.ts';
import { benchConsole } from './console.ts';
import { benchDeployed } from './deployed.ts';
import { benchFunctions } from './functions.ts';
import { benchGroupCommit } from './group-commit.ts';
import { benchGroups } from './groups.ts';
import { benchHostile } from './hostile.ts';
import { benchKafkaGateway } from './kafka-gateway.ts';
import { benchLatency } from './latency.ts';
import { benchLatencyModel } from './latency-model/latency-model.ts';
import { benchMaintenance } from './maintenance.ts';
import { benchMemory } from './memory.ts';
import { benchGateway } from './peers/gateway.ts';
import { benchPeers, type PeerLoadName, peerLoads } from './peers/peers.ts';
import { benchSweep } from './sweep.ts';
import { printTable, whole } from './table.ts';
import { benchThroughput } from './throughput.ts';
import { benchTransactions } from './transactions.ts';
import { benchUnits } from './units.ts';

const names = [
  'throughput',
  'latency',
  'group-commit',
  'units',
  'codec',
  'memory',
  'groups',
  'functions',
  'hostile',
  'console',
  'kafka-gateway',
  'deployed',
  'sweep',
  'maintenance',
  'transactions',
  'latency-model',
  'peers',
  'gateway-peers',
] as const;
/** These take minutes, or fetch what is not here. */
const onlyByName: readonly Name[] = ['latency-model', 'peers', 'gateway-peers'];
type Name = (typeof names)[number];

const options = new Command('npm run bench --')
  .description('Measures Rivulet on this machine, and the bare floor of the machine (tools/bench/README.md)')
  .option('--quick', 'take a fraction of the time; the figures are noisier', false)
  .addOption(new Option('--only <bench>', 'run only this benchmark').choices(names))
  .option('--directory <folder>', 'where the files go: on a disk, because fsync does nothing in memory', tmpdir())
  .option('--rounds <n>', 'with peers and gateway-peers: how often both sides take their turn', wholeNumber, 3)
  .addOption(new Option('--only-load <load>', 'with peers: measure only these batches').choices(Object.keys(peerLoads)))
  .option('--kafka-syncs', 'with gateway-peers: let Kafka sync each batch before it answers, as Rivulet does', false)
  .option('--dynamo-db <url>', 'with transactions: also measure hot partitions over this DynamoDB Local')
  .parse()
  .opts<{
    quick: boolean;
    only?: Name;
    directory: string;
    rounds: number;
    onlyLoad?: PeerLoadName;
    dynamoDb?: string;
    kafkaSyncs: boolean;
  }>();

const plan = options.quick ? { rounds: 3, forMs: 150, floorMs: 60 } : { rounds: 3, forMs: 800, floorMs: 300 };

const benches: Readonly<Record<Name, (directory: string) => Promise<void>>> = {
  throughput: (directory) => benchThroughput(directory, plan),
  latency: (directory) => benchLatency(directory, plan),
  'group-commit': (directory) => benchGroupCommit(directory, { ...plan, rounds: options.quick ? 3 : 5 }),
  units: () => benchUnits(options.quick ? 5_000 : 50_000),
  codec: async () => {
    const rows = await benchCodec();
    printTable(
      'One core: CRC-32C, and batches of 1,000 records of 1 KiB',
      ['', 'rate', 'unit'],
      rows.map(({ name, value, unit }) => [name, whole(value), unit]),
    );
  },
  memory: (directory) => benchMemory(directory, options.quick ? 100 * 2 ** 20 : 1000 * 2 ** 20),
  groups: (directory) => benchGroups(directory, options.quick ? { rounds: 3, forMs: 200 } : { rounds: 9, forMs: 500 }),
  functions: (directory) => benchFunctions(directory, options.quick ? 5 : 15),
  hostile: (directory) => benchHostile(directory, options.quick ? 1 : 3),
  console: (directory) => benchConsole(directory, options.quick ? 200_000 : 1_000_000),
  'kafka-gateway': () => benchKafkaGateway(options.quick ? 1_000 : 5_000),
  deployed: () => benchDeployed(options.quick ? 30 : 100),
  sweep: () => benchSweep(options.quick ? 100_000 : 1_000_000),
  maintenance: (directory) =>
    benchMaintenance(
      directory,
      options.quick
        ? { replayBytes: 64 * 2 ** 20, mergeBytes: 2 ** 25, compactedKeys: [400_000] }
        : { replayBytes: 2 ** 28, mergeBytes: 2 ** 26, compactedKeys: [1_000_000, 10_000_000] },
    ),
  'latency-model': () => benchLatencyModel(options.quick ? 2_000 : 20_000),
  peers: (directory) =>
    benchPeers(directory, {
      rounds: options.rounds,
      loads: options.onlyLoad ? [options.onlyLoad] : (Object.keys(peerLoads) as PeerLoadName[]),
      ...(options.quick ? { forMs: 1_000, kafkaShare: 0.25 } : { forMs: 3_000, kafkaShare: 1 }),
    }),
  'gateway-peers': (directory) => {
    const { rounds, kafkaSyncs } = options;
    return benchGateway(directory, { rounds, kafkaSyncs, share: options.quick ? 0.25 : 1 });
  },
  transactions: (directory) =>
    benchTransactions(
      directory,
      options.quick
        ? { commits: 30, records: 20_000, rounds: 3, hot: { rounds: 1, forMs: 1_000, dynamoDb: options.dynamoDb } }
        : { commits: 200, records: 100_000, rounds: 5, hot: { rounds: 5, forMs: 2_000, dynamoDb: options.dynamoDb } },
    ),
};

async function run(): Promise<void> {
  const byDefault = names.filter((name) => !onlyByName.includes(name));
  const directory = await mkdtemp(join(options.directory, 'rivulet-bench-'));
  try {
    await describe(directory);
    for (const name of options.only ? [options.only] : byDefault) await benches[name](directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError(`expected a whole number from 1 on, got ${text}`);
}

const tmpfsMagic = 0x01021994;

async function describe(directory: string): Promise<void> {
  const processors = cpus();
  const load = loadavg()[0]!.toFixed(1);
  console.log(
    `Node ${process.version}, ${process.platform}, ${processors.length} x ${processors[0]?.model.trim()}, load before the run ${load}`,
  );
  const { type } = await statfs(directory);
  if (type === tmpfsMagic)
    console.log('The folder is in memory, where fsync does nothing: choose another one with --directory.');
}

await run();
