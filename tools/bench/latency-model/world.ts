// One world of the model: producers and a long-polling consumer at the HTTP API, functions that run the engine of lib/ as it is,
// and storage that takes time. Requests come independently of each other and of the answers.
import type { Engine } from '../../../lib/api/engine.ts';
import { createEngine } from '../../../lib/engine.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import { splitBatches } from '../../../lib/record/batch-header.ts';
import { countHedge, countingObjectStore, newCounters } from '../../../lib/storage/count.ts';
import { hedgingObjectStore } from '../../../lib/storage/hedge.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { retryingObjectStore, retryingTable } from '../../../lib/storage/retry.ts';
import type { Table } from '../../../lib/storage/table.ts';
import type { Storage } from './published.ts';
import { type LambdaFunction, newFunction, slowObjects, slowTable } from './services.ts';
import { newVirtualTime, type VirtualTime } from './virtual-time.ts';

export type Hedging = 'off' | 'on' | 'fixed threshold';
type Ports = { readonly objects: ObjectStore; readonly table: Table };

export type Scenario = {
  readonly storage: Storage;
  readonly hedging: Hedging;
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Whether somebody reads what is written. */
  readonly isConsumed?: boolean;
  /** The topic's configuration. */
  readonly config?: Readonly<Record<string, string>>;
  /** A test changes the ports here, to see that the figures move. */
  readonly change?: (ports: Ports) => Ports;
};

/** How long something took, and whether its request to produce met an environment that had to start. */
export type Sample = { readonly ms: number; readonly isCold: boolean };

export type Outcome = {
  /** From the send to the acknowledgement. */
  readonly acknowledged: readonly Sample[];
  /** From the send until the consumer has the records. */
  readonly delivered: readonly Sample[];
  readonly hedgesPerCall: number;
};

type Request = { readonly startMs: number; isCold: boolean };
/** The requests by what names their batch. */
type Requests = Map<string, Request>;

const topic = 'model';
const partitions = 6;
const recordsPerRequest = 10;
const recordBytes = 100;
const seed = 14;
/** A wait doubles after each empty answer, as in the SDK. */
const firstWaitMs = 500;
const longestWaitMs = 20_000;

export async function runScenario(scenario: Scenario): Promise<Outcome> {
  const time = newVirtualTime(seed);
  const { clock } = time;
  const stores: Ports = { objects: createMemoryObjectStore({ clock }), table: createMemoryTable({ clock }) };
  const totals = newCounters();
  const newEngine = () => createEngine({ ...portsOver(stores, time, scenario, totals), clock });
  // The preparations take no time.
  const before = createEngine({ ...stores, clock });
  await before.createTopic({ topic, partitions, ...(scenario.config && { config: scenario.config }) });
  const newProducer = async () => (await before.newProducer()).producerId;
  const requests: Requests = new Map();
  const produced = produce(time, scenario, newFunction(time, newEngine), newProducer, requests);
  const consumed = scenario.isConsumed
    ? consume(time, newFunction(time, newEngine), requests, scenario.requests)
    : undefined;
  const [acknowledged, delivered = []] = await time.run(Promise.all([produced, consumed]));
  const { hedges, s3Put, s3Get } = totals;
  const calls = s3Put + s3Get - hedges;
  return { acknowledged, delivered, hedgesPerCall: calls === 0 ? 0 : hedges / calls };
}

/** Puts the ports together as lib/storage/aws/ports.ts does. */
function portsOver(
  stores: Ports,
  time: VirtualTime,
  { storage, hedging, change = (ports) => ports }: Scenario,
  totals: ReturnType<typeof newCounters>,
): Ports {
  const slow = { objects: slowObjects(stores.objects, time, storage), table: slowTable(stores.table, time) };
  const { objects, table } = change(slow);
  const counted = countingObjectStore(objects, totals);
  const options = {
    onHedge: () => countHedge(totals),
    ...(hedging === 'fixed threshold' && { leastSamples: Number.POSITIVE_INFINITY }),
  };
  const hedged = hedging === 'off' ? counted : hedgingObjectStore(counted, time.clock, options);
  return { objects: retryingObjectStore(hedged, time.clock), table: retryingTable(table, time.clock) };
}

// --- produce

type Producer = { readonly producerId: number; readonly partition: number; sequence: number };

const nameOf = (producerId: number, baseSequence: number) => `${producerId} ${baseSequence}`;

/** An idempotent producer has one request under way at a time. So there are as many of them as requests meet each other. */
async function produce(
  { clock, drawGap }: VirtualTime,
  scenario: Scenario,
  service: LambdaFunction<Engine>,
  newProducer: () => Promise<number>,
  requests: Requests,
): Promise<Sample[]> {
  const idle: Producer[] = [];
  let producers = 0;
  const send = async (): Promise<Sample> => {
    const request: Request = { startMs: clock.monotonic(), isCold: false };
    const producer = idle.pop() ?? {
      producerId: await newProducer(),
      partition: producers++ % partitions,
      sequence: 0,
    };
    requests.set(nameOf(producer.producerId, producer.sequence), request);
    await service.call((engine, isCold) => {
      request.isCold = isCold;
      return append(engine, producer, clock.now());
    });
    producer.sequence += recordsPerRequest;
    idle.push(producer);
    return { ms: clock.monotonic() - request.startMs, isCold: request.isCold };
  };
  const underWay: Promise<Sample>[] = [];
  for (let i = 0; i < scenario.requests; i++) {
    await clock.sleep(drawGap(scenario.requestsPerSecond));
    underWay.push(send());
  }
  return Promise.all(underWay);
}

async function append(engine: Engine, producer: Producer, timestampMs: number): Promise<void> {
  const { producerId, partition, sequence } = producer;
  const record = { key: null, value: Buffer.alloc(recordBytes, 'model '), headers: [], timestampMs };
  const identity = { producerId, producerEpoch: 0, baseSequence: sequence };
  const batches = encodeBatch(new Array(recordsPerRequest).fill(record), identity);
  const { partitions: acks } = await engine.append({ topic, partitions: [{ partition, batches }] });
  if ('error' in acks[0]!) throw acks[0].error;
}

// --- consume

/** One consumer reads all partitions, with one request at a time. It ends when it has the batches of all requests. */
async function consume(
  { clock }: VirtualTime,
  service: LambdaFunction<Engine>,
  requests: Requests,
  count: number,
): Promise<Sample[]> {
  const delivered: Sample[] = [];
  const offsets = new Array<number>(partitions).fill(0);
  let emptyAnswers = 0;
  while (delivered.length < count) {
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** emptyAnswers);
    const asked = offsets.map((offset, partition) => ({ partition, offset }));
    const answer = await service.call((engine) => engine.fetch({ topic, partitions: asked, waitMs }));
    const before = delivered.length;
    for (const reply of answer.partitions) {
      if ('error' in reply) throw reply.error;
      for (const { header } of reply.batches.flatMap((batches) => splitBatches(batches))) {
        const { startMs, isCold } = requests.get(nameOf(header.producerId, header.baseSequence))!;
        delivered.push({ ms: clock.monotonic() - startMs, isCold });
        offsets[reply.partition] = header.baseOffset + header.lastOffsetDelta + 1;
      }
    }
    emptyAnswers = delivered.length > before ? 0 : emptyAnswers + 1;
  }
  return delivered;
}
