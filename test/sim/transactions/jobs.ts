// The clients of transactions do these jobs, one after the other. Each answer goes to the history.
import type { Engine } from '../../../lib/api/engine.ts';
import { newCounts } from '../../../lib/maintenance/context.ts';
import { merge } from '../../../lib/maintenance/merge.ts';
import { cleanPages } from '../../../lib/maintenance/pages.ts';
import { decodeBatch, encodeBatch } from '../../../lib/record/batch.ts';
import type { Answer } from '../core/process.ts';
import { through } from '../core/through.ts';
import {
  ask,
  askWhileHere,
  type Client,
  calmly,
  codeOf,
  doomed,
  groupId,
  inputs,
  type Job,
  pause,
  placeOf,
  toldOf,
  topic,
  type World,
} from './client.ts';
import type { Batch, End, History, Told, Transaction } from './history.ts';
import { committerOf, forgetInput, join, ownsInput } from './members.ts';
import type { Session } from './protocol.ts';

const mostTries = 6;

const text = (value: string) => new TextEncoder().encode(value);

export const later =
  (ms: number): Job =>
  ({ world }) =>
    pause(world, ms);

/** Begins as a new instance of the id. */
export const begin: Job = (client) => beginFrom(client);

/** A client of Kafka's protocol may go on from the epoch that it has. */
async function beginFrom(client: Client, before?: Session): Promise<void> {
  const { world, id, speaks, timeoutMs } = client;
  const instance = { id, begunMs: world.scheduler.now() } as History['instances'][number];
  const number = world.history.instances.push(instance) - 1;
  client.session = undefined;
  for (let tries = 0; tries < mostTries; tries++) {
    const answer = await ask(world, (engine) => speaks.begin(engine, id, timeoutMs, before));
    if (answer !== 'lost' && 'reply' in answer) {
      client.session = { ...answer.reply, instance: number, sequences: new Map() };
      instance.endedMs = world.scheduler.now();
      await world.look();
      return;
    }
    if (toldOf(answer) && finals.has(codeOf(answer) ?? '')) return;
    await pause(world, world.random.below(500));
  }
}

export type Plan = {
  /** The partition of each batch, in order. */
  readonly batches: readonly number[];
  readonly hasOffsets?: boolean;
  /** A partition to read first. */
  readonly reads?: number;
  readonly end: 'commit' | 'abort' | 'leave';
  /** The greatest pause between two steps. */
  readonly pauseMs?: number;
  /** The last batch is under way when the end is asked for. */
  readonly isHasty?: boolean;
  /** How often the end is asked for. */
  readonly mostEnds?: number;
  /** So many of the first batches are staged by a process whose calls suffer nothing. */
  readonly calmBatches?: number;
  /** The client is a member, and does nothing if it does not get the input. */
  readonly isMember?: boolean;
  /** Happens between two batches. The client of Kafka's protocol then opens the transaction for a further partition. */
  readonly between?: Job;
  /** Happens between the last record and the end. */
  readonly interlude?: Job;
};

/** A transaction from its first record to its end. The instance begins anew after it, if it does not know how it ended. */
export const transact =
  ({ batches, hasOffsets = false, reads, end, pauseMs = 0, isHasty = false, ...more }: Plan): Job =>
  async (client) => {
    const { mostEnds = mostTries, calmBatches = 0, isMember = false, between, interlude } = more;
    if (isMember && !ownsInput(client)) await join(client);
    if (isMember && !ownsInput(client)) return;
    if (!client.session) await begin(client);
    const { world, session } = client;
    if (!session) return;
    const transaction = newTransaction(client, session);
    const rest = () => (pauseMs > 0 ? pause(world, world.random.below(pauseMs)) : undefined);
    if (hasOffsets) await readOffset(client, transaction);
    if (reads !== undefined) await readList(world, transaction, reads);
    let isWhole = await openOne(client, session, transaction);
    for (const [i, partition] of (isHasty ? batches.slice(0, -1) : batches).entries()) {
      const stager = i < calmBatches ? { ...client, world: calmly(world) } : client;
      const isNext = i > 0 && between !== undefined;
      if (isNext) await between(client);
      if (isNext) isWhole &&= await openOne(client, session, transaction);
      isWhole &&= await stage(stager, session, transaction, partition);
      await rest();
    }
    const hasty = isHasty && isWhole ? stage(client, session, transaction, batches.at(-1)!) : undefined;
    if (isHasty) await pause(world, 60);
    if (transaction.offset && isWhole) isWhole = await stageOffset(client, session, transaction);
    await rest();
    await interlude?.(client);
    if (end === 'leave') client.session = undefined;
    else await finish(client, session, transaction, isWhole ? end : 'abort', mostEnds);
    const isHastyStaged = await hasty;
    // The client does not know what became of a batch, so it cannot count on in this epoch.
    const mustBeginAnew = client.speaks.keepsSequences && !(isWhole && isHastyStaged !== false);
    if (client.session && mustBeginAnew) await goOn(client, client.session);
    if (!client.session) forgetInput(client);
  };

async function goOn(client: Client, session: Session): Promise<void> {
  client.session = undefined;
  await beginFrom(client, session);
}

async function openOne({ world, id, speaks }: Client, session: Session, transaction: Transaction): Promise<boolean> {
  const isOpen = await repeat(world, [], (engine, signal) => speaks.open(engine, session, signal));
  if (isOpen && !speaks.hasNumbers) transaction.number = (await world.observer.transactions.describe(id)).transaction;
  return isOpen;
}

function newTransaction(client: Client, { instance, producerId, ref }: Session): Transaction {
  const number = ref?.transaction ?? 0;
  const name = `${client.name}.${client.begun++}`;
  const one = { name, id: client.id, instance, producerId, number, batches: [], reads: [], ends: [] };
  client.world.history.transactions.push(one);
  return one;
}

async function readOffset({ world, input }: Client, transaction: Transaction): Promise<void> {
  const request = { groupId, topics: [{ topic: inputs, partitions: [input] }] };
  const answer = await ask(world, (engine) => engine.groups.fetchOffsets(request));
  if (toldOf(answer) !== 'done') return;
  const [found] = (answer as { reply: Awaited<ReturnType<Engine['groups']['fetchOffsets']>> }).reply.topics[0]!
    .partitions;
  if (!found || 'error' in found) return;
  const { metadata = '' } = found as { metadata?: string };
  transaction.offset = { partition: input, from: metadata, begunMs: world.scheduler.now(), tries: [] };
}

async function readList(world: World, transaction: Transaction, partition: number): Promise<void> {
  const answer = await ask(world, (engine) => engine.fetch({ topic, partitions: [{ partition, offset: 0 }] }));
  const values = valuesOf(answer);
  if (values) transaction.reads.push({ partition, values });
}

export function valuesOf(answer: Answer<Awaited<ReturnType<Engine['fetch']>>>): string[] | undefined {
  if (toldOf(answer) !== 'done') return undefined;
  const [part] = (answer as { reply: Awaited<ReturnType<Engine['fetch']>> }).reply.partitions;
  if (!part || 'error' in part) return undefined;
  return part.batches.flatMap((bytes) => decodeBatch(bytes).records.map(({ value }) => Buffer.from(value!).toString()));
}

async function stage(
  { world, speaks }: Client,
  session: Session,
  transaction: Transaction,
  partition: number,
): Promise<boolean> {
  const place = transaction.batches.filter((batch) => batch.partition === partition);
  const count = 1 + world.random.below(2);
  const values = Array.from({ length: count }, (_, i) => `${transaction.name}:${partition}/${place.length}.${i}`);
  const batch: Batch = { partition, values, begunMs: world.scheduler.now(), tries: [] };
  transaction.batches.push(batch);
  const records = values.map((value) => ({
    key: null,
    value: text(value),
    headers: [],
    timestampMs: world.scheduler.now(),
  }));
  const { producerId, producerEpoch, sequences } = session;
  const staged = place.reduce((sum, each) => sum + each.values.length, 0);
  const baseSequence = speaks.keepsSequences ? (sequences.get(partition) ?? 0) : staged;
  sequences.set(partition, baseSequence + count);
  const where = placeOf(partition);
  const bytes = encodeBatch(records, { producerId, producerEpoch, baseSequence, isTransactional: true });
  return repeat(world, batch.tries, async (engine) => {
    const part = { partition: where.partition, batches: Buffer.from(bytes) };
    const { topicId, partitions } = await speaks.stage(engine, session, { topic: where.topic, partitions: [part] });
    const [result] = partitions;
    if (result && 'error' in result) throw result.error;
    batch.topicId = topicId;
  });
}

/** Repeats until it is done, or certainly over. Returns whether it is done. */
async function repeat(
  world: World,
  tries: Told[],
  operation: (engine: Engine, signal: AbortSignal) => Promise<unknown>,
): Promise<boolean> {
  for (let i = 0; i < mostTries; i++) {
    const answer = await askWhileHere(world, operation);
    tries.push(toldOf(answer));
    if (tries.at(-1) === 'done') return true;
    const code = codeOf(answer);
    if (code && finals.has(code)) return false;
    await pause(world, world.random.below(500));
  }
  return false;
}

/** A commit is answered with these if it has become an abort. */
const abortions = new Set(['INVALID_TXN_STATE', 'INVALID_PRODUCER_EPOCH', 'UNKNOWN_TOPIC_OR_PARTITION']);
const finals = new Set([
  'PRODUCER_FENCED',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_EPOCH',
  'TRANSACTIONAL_ID_NOT_FOUND',
  'UNKNOWN_TOPIC_OR_PARTITION',
]);

function stageOffset(client: Client, session: Session, { name, offset }: Transaction): Promise<boolean> {
  const { world, input, speaks } = client;
  const commit = { partition: input, offset: 1, metadata: name };
  const request = { groupId, topics: [{ topic: inputs, partitions: [commit] }], ...committerOf(client) };
  return repeat(world, offset!.tries, (engine, signal) => speaks.stageOffsets(engine, session, request, signal));
}

async function finish(
  client: Client,
  session: Session,
  transaction: Transaction,
  what: End['what'],
  mostEnds: number,
): Promise<void> {
  const { world, speaks } = client;
  for (let i = 0; i < mostEnds; i++) {
    const end: End = { what, begunMs: world.scheduler.now(), told: 'lost', endedMs: Number.POSITIVE_INFINITY };
    transaction.ends.push(end);
    // A repeat asks for the offsets, and every other transaction does so from the first try on.
    const offsets = what === 'commit' && (i > 0 || transaction.number % 2 === 0);
    const answer = await askWhileHere(world, (engine, signal) => speaks.end(engine, session, what, offsets, signal));
    end.told = toldOf(answer);
    end.endedMs = world.scheduler.now();
    world.trace(`${what} of ${transaction.name} is told ${end.told} ${codeOf(answer) ?? ''}`);
    await world.look();
    if (answer !== 'lost' && 'reply' in answer) {
      if (answer.reply.offsets) end.offsets = answer.reply.offsets;
      client.session = answer.reply.next;
      return;
    }
    const code = codeOf(answer) ?? '';
    if (speaks.keepsSequences && abortions.has(code)) return goOn(client, session);
    if (finals.has(code)) break;
    await pause(world, world.random.below(500));
  }
  client.session = undefined;
}

// --- beside the transactions

/** Records of a producer with an id, which repeats until it knows. */
export const produce =
  (partition: number, count: number): Job =>
  async ({ world, name, begun }) => {
    const answer = await ask(world, (engine) => engine.newProducer());
    if (toldOf(answer) !== 'done') return;
    const { producerId } = (answer as { reply: { producerId: number } }).reply;
    for (let i = 0; i < count; i++)
      await append(world, partition, `${name}+${begun}.${producerId}.${i}`, {
        producerId,
        producerEpoch: 0,
        baseSequence: i,
      });
  };

/** Records without a producer id, each tried once. */
export const crowd =
  (partition: number, count: number): Job =>
  async (client) => {
    for (let i = 0; i < count; i++)
      await append(client.world, partition, `${client.name}-${client.begun++}.${i}`, undefined);
  };

async function append(
  world: World,
  partition: number,
  value: string,
  identity: { producerId: number; producerEpoch: number; baseSequence: number } | undefined,
): Promise<void> {
  const plain: History['plains'][number] = { partition, value, isOnce: identity !== undefined, tries: [] };
  world.history.plains.push(plain);
  const bytes = encodeBatch(
    [{ key: null, value: text(value), headers: [], timestampMs: world.scheduler.now() }],
    identity ?? {},
  );
  const send = async (engine: Engine) => {
    const { partitions } = await engine.append({ topic, partitions: [{ partition, batches: Buffer.from(bytes) }] });
    const [result] = partitions;
    if (result && 'error' in result) throw result.error;
  };
  if (identity) await repeat(world, plain.tries, send);
  else plain.tries.push(toldOf(await ask(world, send)));
  if (plain.tries.at(-1) !== 'done') return;
  plain.ackedMs = world.scheduler.now();
  await world.look();
}

export const read =
  (partition: number): Job =>
  async ({ world }) => {
    const answer = await ask(world, (engine) => engine.fetch({ topic, partitions: [{ partition, offset: 0 }] }));
    const values = valuesOf(answer);
    if (values) world.history.polls.push({ partition, offset: 0, values });
  };

/** Deletes the doomed topic, and may make it again. */
export const remove =
  (isMadeAgain: boolean): Job =>
  async ({ world }) => {
    const { history, observer, scheduler } = world;
    const before = await observer.describeTopic(doomed).catch(() => undefined);
    const isDone = await repeat(world, [], (engine) => engine.deleteTopic(doomed));
    if (before && isDone) history.closedMs.set(before.topicId, scheduler.now());
    await world.look();
    const partitions = 1;
    if (isMadeAgain) await repeat(world, [], (engine) => engine.createTopic({ topic: doomed, partitions }));
  };

/** The hourly run. */
export const tend: Job = async ({ world }) => {
  const answer = await ask(world, async (engine) => {
    const { failure } = await engine.transactions.tend();
    if (failure) throw failure;
  });
  toldOf(answer);
  await world.look();
};

/** Moves the records of a partition to log segments, and deletes pages that are not needed any more. */
export const clean =
  (partition: number): Job =>
  async ({ world }) => {
    const { scheduler, random, stores, topicId } = world;
    const table = through(stores.table, async (_call, act) => {
      await pause(world, 1 + random.below(20));
      return act();
    });
    const clock = {
      now: scheduler.now,
      monotonic: scheduler.now,
      sleep: (ms: number) => pause(world, ms),
      random: random.next,
      randomBytes: (count: number) => Uint8Array.from({ length: count }, () => random.below(256)),
    };
    const context = { objects: stores.objects, table, clock, isDryRun: false, isFull: true, isOver: () => false };
    const pass = { ...context, counts: newCounts(), onDamage: () => {} };
    await merge(pass, { topicId, partition });
    await cleanPages(pass, { topicId, partition });
  };
