// Prints what lib/ would take in AWS, by published latencies of its services: a computation on a clock of its own, and not a
// measurement. README.md beside tools/bench/main.ts says what is assumed.
import { percentile } from '../statistics.ts';
import { decimal, printTable, whole } from '../table.ts';
import { storages } from './published.ts';
import { type Hedging, type Outcome, runScenario, type Sample, type Scenario } from './world.ts';

type StorageName = keyof typeof storages;

const shares = [0.5, 0.99, 0.999];
const inlineConfig = { 'rivulet.inline.max.bytes': '4096' };
const producesPerSecond = 10;
const rates = [1, 10, 100];

export async function benchLatencyModel(requests: number): Promise<void> {
  const plain = (storage: StorageName, hedging: Hedging) =>
    produceRow(`${storage}, hedging ${hedging}`, storage, hedging);
  const produceRow = async (name: string, storage: StorageName, hedging: Hedging, config = {}) =>
    rowOf(name, await run(storage, { hedging, requests, requestsPerSecond: producesPerSecond, config }));
  const rows: string[][] = [];
  for (const storage of Object.keys(storages) as StorageName[])
    for (const hedging of ['off', 'on'] as const) rows.push(await plain(storage, hedging));
  rows.push(await plain('S3 Standard, 1 in 200 stalls', 'fixed threshold'));
  rows.push(await produceRow('inline in DynamoDB', 'S3 Standard', 'on', inlineConfig));
  printTable(
    `Model: produce through the HTTP API, ${producesPerSecond} requests a second, ms from the send to the acknowledgement`,
    ['', 'p50', 'p99', 'p99.9', 'hedges', 'with a cold start', 'cold p50'],
    rows,
  );
  await printDelivery(requests);
}

async function printDelivery(requests: number): Promise<void> {
  const kinds: readonly (readonly [string, StorageName, Readonly<Record<string, string>>])[] = [
    ['S3 Standard', 'S3 Standard', {}],
    ['S3 Express', 'S3 Express', {}],
    ['inline in DynamoDB', 'S3 Standard', inlineConfig],
  ];
  const rows: string[][] = [];
  for (const [name, storage, config] of kinds)
    for (const requestsPerSecond of rates) {
      const shared = { hedging: 'on', requests, requestsPerSecond, isConsumed: true, config } as const;
      const { delivered, hedgesPerCall } = await run(storage, shared);
      rows.push(rowOf(`${name}, ${requestsPerSecond}/s`, { acknowledged: delivered, hedgesPerCall }));
    }
  printTable(
    'Model: end to end, ms from the send until one long-polling consumer of 6 partitions has the records, hedging on',
    ['', 'p50', 'p99', 'p99.9', 'hedges', 'with a cold start', 'cold p50'],
    rows,
  );
}

const run = (storage: StorageName, scenario: Omit<Scenario, 'storage'>): Promise<Outcome> =>
  runScenario({ storage: storages[storage], ...scenario });

function rowOf(
  name: string,
  { acknowledged, hedgesPerCall }: Pick<Outcome, 'acknowledged' | 'hedgesPerCall'>,
): string[] {
  const of = (isCold: boolean) => acknowledged.filter((sample: Sample) => sample.isCold === isCold).map(({ ms }) => ms);
  const [warm, cold] = [of(false), of(true)];
  return [
    name,
    ...shares.map((share) => whole(percentile(warm, share))),
    `${decimal(hedgesPerCall * 100, 2)} %`,
    `${decimal((100 * cold.length) / acknowledged.length, 2)} %`,
    cold.length > 0 ? whole(percentile(cold, 0.5)) : '-',
  ];
}
