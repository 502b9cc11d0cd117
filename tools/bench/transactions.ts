// Measures transactions: what a commit costs in the units that AWS bills, how long it takes on the embedded backend, and the
// loop of exactlyOnce beside the same loop without transactions. The units do not depend on the machine.
import { Rivulet } from '../../client/rivulet.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters, usdOf } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { startChild } from './child.ts';
import { benchHotPartitions, type HotPlan } from './hot-partition.ts';
import { median, percentile } from './statistics.ts';
import { decimal, printTable, whole } from './table.ts';

const topic = 'tx';
const sizes = [1, 10, 100] as const;
const mostPartitions = 100;

type Plan = { readonly commits: number; readonly records: number; readonly rounds: number; readonly hot: HotPlan };

export async function benchTransactions(directory: string, plan: Plan): Promise<void> {
  printTable(
    'A transaction of one batch in each partition: calls and units, from the first batch to the end of the commit',
    ['partitions, groups', 'PUT', 'read units', 'write units', '$ a million'],
    [...(await unitsOf(false)), ...(await unitsOf(true))],
  );
  const backend = await startChild('backend', `${directory}/transactions`);
  const rivulet = new Rivulet({ url: backend.url });
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: mostPartitions }] });
  await printCommits(rivulet, plan.commits);
  await printLoops(rivulet, plan);
  await backend.stop();
  await benchHotPartitions(directory, plan.hot);
}

async function unitsOf(withOffsets: boolean): Promise<string[][]> {
  const rows: string[][] = [];
  for (const partitions of sizes) {
    const totals = newCounters();
    const objects = countingObjectStore(createMemoryObjectStore({ clock: systemClock }), totals);
    const engine = createEngine({ objects, table: countingTable(createMemoryTable(), totals), clock: systemClock });
    await engine.createTopic({ topic, partitions: mostPartitions });
    await engine.groups.commitOffsets(offsetsOfGroup);
    const begun = await engine.transactions.init({ transactionalId: 'bench' });
    Object.assign(totals, newCounters());
    await runOne(engine, begun, partitions, withOffsets);
    const { s3Put, readUnits, writeUnits } = totals;
    const name = `${partitions}${withOffsets ? ', one group' : ''}`;
    rows.push([name, whole(s3Put), decimal(readUnits, 1), decimal(writeUnits, 1), decimal(usdOf(totals) * 1e6, 2)]);
  }
  return rows;
}

const offsetsOfGroup = { groupId: 'bench', topics: [{ topic, partitions: [{ partition: 0, offset: 0 }] }] };

type Begun = Awaited<ReturnType<Engine['transactions']['init']>>;

async function runOne(engine: Engine, begun: Begun, partitions: number, withOffsets: boolean): Promise<void> {
  const { producerId, producerEpoch } = begun;
  const records = [{ key: null, value: Buffer.alloc(100, 'tx '), headers: [], timestampMs: systemClock.now() }];
  const batches = encodeBatch(records, { producerId, producerEpoch, baseSequence: 0, isTransactional: true });
  const numbers = Array.from({ length: partitions }, (_, partition) => ({ partition, batches: batches.slice() }));
  const { partitions: results } = await engine.transactions.stage({ in: begun, topic, partitions: numbers });
  for (const result of results) if ('error' in result) throw result.error;
  if (withOffsets) await engine.transactions.stageOffsets({ in: begun, ...offsetsOfGroup });
  await engine.transactions.commit({ in: begun });
}

async function printCommits(rivulet: Rivulet, commits: number): Promise<void> {
  const producer = rivulet.producer({ transactionalId: 'bench', lingerMs: 0 });
  const times: Record<(typeof sizes)[number], number[]> = { 1: [], 10: [], 100: [] };
  for (let i = 0; i < commits; i++)
    for (const size of sizes) {
      const transaction = await producer.transaction();
      const messages = Array.from({ length: size }, (_, partition) => ({ partition, value: 'one' }));
      await transaction.send({ topic, messages });
      const begunMs = performance.now();
      await transaction.commit();
      times[size].push(performance.now() - begunMs);
    }
  await producer.disconnect();
  const rows = sizes.map((size) => [
    `${size}`,
    ...[0.5, 0.99].map((share) => decimal(percentile(times[size], share), 1)),
  ]);
  printTable(
    'commit() on the embedded backend, all sizes in turn, one hot set of partitions',
    ['partitions', 'p50 ms', 'p99 ms'],
    rows,
  );
}

const loopPartitions = 4;
const recordsATransaction = 1_000;

/** Both loops read the same records, in turn, and write one result for each. */
async function printLoops(rivulet: Rivulet, { records, rounds }: { records: number; rounds: number }): Promise<void> {
  const topics = [
    { topic: 'inputs', partitions: loopPartitions },
    { topic: 'results', partitions: loopPartitions },
  ];
  await rivulet.admin().createTopics({ topics });
  const producer = rivulet.producer();
  const value = Buffer.alloc(100, 'in ');
  const messages = Array.from({ length: records }, (_, i) => ({ partition: i % loopPartitions, value }));
  await producer.send({ topic: 'inputs', messages });
  const rates: Record<'with' | 'without', number[]> = { with: [], without: [] };
  for (let round = 0; round < rounds; round++) {
    rates.with.push(await rateOf(records, (done) => transactionalLoop(rivulet, `with${round}`, done)));
    rates.without.push(await rateOf(records, (done) => plainLoop(rivulet, `without${round}`, done)));
  }
  await producer.disconnect();
  const ratio = median(rates.with) / median(rates.without);
  printTable(
    `Read, transform, write, commit: ${recordsATransaction} records a transaction, medians of ${rounds} rounds`,
    ['', 'records/s'],
    [
      ['exactlyOnce', whole(median(rates.with))],
      ['without transactions', whole(median(rates.without))],
      ['ratio (aim 0.7)', decimal(ratio, 2)],
    ],
  );
}

type Loop = (done: (records: number) => void) => { run(): Promise<void>; stop(): Promise<void> };

async function rateOf(records: number, loop: Loop): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = records;
  let begunMs = 0;
  const work = loop((done) => {
    begunMs ||= performance.now();
    left -= done;
    if (left <= 0) resolve();
  });
  const running = work.run();
  await promise;
  const rate = records / ((performance.now() - begunMs) / 1_000);
  await work.stop();
  await running;
  return rate;
}

const consumerOptions = { autoOffsetReset: 'earliest', maxPollRecords: recordsATransaction } as const;

function transactionalLoop(rivulet: Rivulet, groupId: string, done: (records: number) => void) {
  const transform = ({ value }: { value: Buffer | null }) => {
    done(1);
    return { value };
  };
  return rivulet.exactlyOnce({ groupId, from: 'inputs', to: 'results', transform, consumer: consumerOptions });
}

function plainLoop(rivulet: Rivulet, groupId: string, done: (records: number) => void) {
  const producer = rivulet.producer({ lingerMs: 0 });
  const consumer = rivulet.consumer({ ...consumerOptions, groupId, autoCommit: false });
  consumer.subscribe({ topics: ['inputs'] });
  return {
    run: () =>
      consumer.run({
        eachBatch: async ({ messages }) => {
          for (const _ of messages) done(1);
          await producer.send({ topic: 'results', messages: messages.map(({ value }) => ({ value })) });
          await consumer.commit();
        },
      }),
    stop: async () => {
      await consumer.stop();
      await producer.disconnect();
    },
  };
}
