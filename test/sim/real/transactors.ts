// The clients of a real world that work in transactions, through the SDK: they write to several partitions of a topic of
// their own, move an offset of their group that they have read before, commit, abort, or leave a transaction open. Two of
// them have the same transactional id, and fence each other. Plain producers write beside them.
//
// A wide transaction writes to more partitions than one step of the table can hold, so it is decided before it is applied.
import { setTimeout as sleep } from 'node:timers/promises';
import { isClientError } from '../../../client/client-error.ts';
import type { Producer } from '../../../client/producer/producer.ts';
import type { Transaction as Sdk } from '../../../client/producer/transaction.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { type End, type History, newHistory, type Told, type Transaction } from '../transactions/history.ts';
import type { RealHome } from './backend.ts';
import { below, pick } from './surroundings.ts';
import { followLog, type TransactionLog, transactionsTopic } from './transaction-log.ts';
import { outcomeOf, patientRetry } from './writers.ts';

const inputs = 'real-inputs';
const groupId = 'real-transactors';
/** The first client and the fourth are rivals. */
const ids = ['a', 'b', 'c', 'a'];
const fewPartitions = 3;
/** More than the actions of one transaction of DynamoDB. */
const allPartitions = 104;
const mostEnds = 6;

export type TransactionsWorld = {
  readonly backend: RealHome;
  readonly history: History;
  readonly log: TransactionLog;
  isOver(): boolean;
};

type Instance = {
  readonly producer: Producer;
  readonly number: number;
  readonly world: TransactionsWorld;
  readonly id: string;
};

type Plan = {
  /** The partition of each send. A wide transaction sends to all of them at once. */
  readonly partitions: readonly number[];
  readonly hasOffset: boolean;
  readonly hasRead: boolean;
  readonly end: 'commit' | 'abort' | 'leave';
};

/** @param config of the topic in which the transactions write. */
export async function openTransactionsWorld(
  backend: RealHome,
  config: Readonly<Record<string, string>>,
  isOver: () => boolean,
): Promise<TransactionsWorld> {
  const topics = [
    { topic: transactionsTopic, partitions: allPartitions, config },
    { topic: inputs, partitions: ids.length },
  ];
  await new Rivulet({ url: backend.quietUrl }).admin().createTopics({ topics });
  const history = newHistory();
  return { backend, history, log: followLog(backend.quietUrl, allPartitions, history), isOver };
}

const inputOf = (id: string) => ids.indexOf(id);
const few = Array.from({ length: fewPartitions }, (_, i) => i);
const every = Array.from({ length: allPartitions }, (_, i) => i);

/** Begins as a new instance of its id whenever it does not know how its transaction ended. */
export async function transactor(world: TransactionsWorld, index: number): Promise<void> {
  const id = ids[index % ids.length]!;
  for (let life = 0; !world.isOver(); life++) {
    const instance = newInstance(world, pick(world.backend.urls), id);
    for (let order = 0; !world.isOver(); order++) {
      const isGoingOn = await transact(instance, `${id}${index}.${life}.${order}`, drawPlan());
      if (!isGoingOn) break;
      await sleep(below(60));
    }
    await instance.producer.disconnect();
    // Rivals that began anew at once would never let each other commit.
    await sleep(below(2_000));
  }
}

const isWide = ({ partitions }: Plan) => partitions.length === allPartitions;

function drawPlan(): Plan {
  const draw = Math.random();
  return {
    partitions: Math.random() < 0.1 ? every : Array.from({ length: 1 + below(4) }, () => below(fewPartitions)),
    hasOffset: Math.random() < 0.6,
    hasRead: Math.random() < 0.3,
    end: draw < 0.8 ? 'commit' : draw < 0.93 ? 'abort' : 'leave',
  };
}

function newInstance(world: TransactionsWorld, url: string, id: string): Instance {
  const rivulet = new Rivulet({ url, retry: patientRetry, requestTimeoutMs: 10_000 });
  const producer = rivulet.producer({ transactionalId: id, lingerMs: 1 });
  const number = world.history.instances.push({ id, begunMs: performance.now() }) - 1;
  return { producer, number, world, id };
}

/** Returns whether the instance may go on with its next transaction. */
async function transact(instance: Instance, name: string, plan: Plan): Promise<boolean> {
  const { producer, world, number, id } = instance;
  const sdk = await producer.transaction().catch(refusal);
  if (typeof sdk === 'string') return false;
  const known = world.history.instances[number]!;
  if (known.endedMs === undefined) {
    known.endedMs = performance.now();
    await world.log.look(few);
  }
  const one: Transaction = {
    ...{ name, id, instance: number, producerId: 0, number: await numberOf(world, id) },
    ...{ batches: [], reads: [], ends: [] },
  };
  world.history.transactions.push(one);
  const mayBeDecided = isWide(plan) || world.backend.hasConflicts;
  if (mayBeDecided) world.history.decided.add(name);
  if (plan.hasOffset) await readOffset(world, one);
  if (plan.hasRead) await readList(world, one);
  const told = await Promise.all(sendsOf(sdk, one, plan));
  if (one.offset) told.push(await tell(one.offset.tries, sendOffset(sdk, one)));
  if (plan.end === 'leave') return false;
  const isWhole = told.every((each) => each === 'done');
  return finish(world, sdk, one, isWhole ? plan.end : 'abort');
}

/** If a rival has begun meanwhile, it is the number of a later transaction: then this one cannot commit any more. */
async function numberOf({ backend }: TransactionsWorld, id: string): Promise<number> {
  const admin = new Rivulet({ url: backend.quietUrl, retry: patientRetry }).admin();
  const [found] = await admin.describeTransactions([id]);
  return found!.transaction;
}

async function readOffset(world: TransactionsWorld, one: Transaction): Promise<void> {
  const partition = inputOf(one.id);
  const { metadata: from } = await committedOffset(world, partition);
  one.offset = { partition, from, begunMs: performance.now(), tries: [] };
}

async function committedOffset({ backend }: TransactionsWorld, partition: number) {
  const admin = new Rivulet({ url: backend.quietUrl, retry: patientRetry }).admin();
  const [found] = await admin.fetchOffsets({ groupId, topics: [{ topic: inputs, partitions: [partition] }] });
  return found!.partitions[0]!;
}

/** The part that was read before belongs to the version that is read now: nothing of a log changes. */
async function readList({ log }: TransactionsWorld, { reads }: Transaction): Promise<void> {
  const partition = below(fewPartitions);
  await log.look([partition]);
  reads.push({ partition, values: log.valuesOf(partition) });
}

/** The sends are under way at the same time; those to one partition stay in their order. */
function sendsOf(sdk: Sdk, { name, batches }: Transaction, plan: Plan): Promise<Told>[] {
  const made = plan.partitions.map((partition, i) => {
    const values = Array.from({ length: 1 + below(2) }, (_, record) => `${name}:${partition}/${i}.${record}`);
    return { partition, values, begunMs: performance.now(), tries: [] as Told[] };
  });
  batches.push(...made);
  const send = (some: typeof made) =>
    sdk.send({
      topic: transactionsTopic,
      messages: some.flatMap(({ partition, values }) => values.map((value) => ({ partition, value }))),
    });
  const groups = isWide(plan) ? [made] : made.map((each) => [each]);
  return groups.map(async (group) => {
    const told = await tell([], send(group));
    for (const { tries } of group) tries.push(told);
    return told;
  });
}

function sendOffset(sdk: Sdk, { name, offset }: Transaction): Promise<void> {
  const partitions = [{ partition: offset!.partition, offset: 1, metadata: name }];
  return sdk.sendOffsets({ groupId, topics: [{ topic: inputs, partitions }] });
}

async function finish({ log }: TransactionsWorld, sdk: Sdk, one: Transaction, what: End['what']): Promise<boolean> {
  for (let asked = 0; asked < mostEnds && sdk.isActive(); asked++) {
    const end: End = { what, begunMs: performance.now(), told: 'lost', endedMs: Number.POSITIVE_INFINITY };
    one.ends.push(end);
    end.told = await tell([], sdk[what]());
    end.endedMs = performance.now();
    if (end.told !== 'done') continue;
    await log.look([...new Set(one.batches.map(({ partition }) => partition))]);
    return true;
  }
  return false;
}

async function tell(tries: Told[], asked: Promise<unknown>): Promise<Told> {
  const answer = await asked.catch(refusal);
  const told = typeof answer === 'string' ? (answer as Told) : 'done';
  tries.push(told);
  return told;
}

/** The outcome that the SDK named; anything else than an error of the SDK ends the world. */
function refusal(error: unknown): Told {
  if (isClientError(error)) return outcomeOf(error);
  throw error;
}

/** Records beside the transactions, in the same partitions. */
export async function plainProducer(
  { backend, history, log, isOver }: TransactionsWorld,
  client: string,
): Promise<void> {
  const producer = new Rivulet({ url: pick(backend.urls), retry: patientRetry }).producer({ lingerMs: 1 });
  for (let order = 0; !isOver(); order++) {
    const partition = below(fewPartitions);
    const plain: History['plains'][number] = { partition, value: `${client}.${order}`, isOnce: true, tries: [] };
    history.plains.push(plain);
    const { value } = plain;
    const told = await tell(plain.tries, producer.send({ topic: transactionsTopic, messages: [{ partition, value }] }));
    if (told === 'done') {
      plain.ackedMs = performance.now();
      await log.look([partition]);
    }
    await sleep(below(40));
  }
  await producer.disconnect();
}

export const countCommitted = ({ transactions }: History): number =>
  transactions.filter(({ ends }) => ends.some(({ what, told }) => what === 'commit' && told === 'done')).length;

/** When all is quiet, each id can commit, which ends what was left open, and nothing stays undone. Returns what is wrong. */
export async function restOfTransactions(world: TransactionsWorld): Promise<string[]> {
  const { history, backend, log } = world;
  const used = new Set(history.instances.map(({ id }) => id));
  const wrong: string[] = [];
  for (const id of used) {
    const instance = newInstance(world, backend.quietUrl, id);
    const plan: Plan = { partitions: [0, 1], hasOffset: true, hasRead: false, end: 'commit' };
    if (!(await transact(instance, `rest of ${id}`, plan))) wrong.push(`refused at rest: ${id}`);
    await instance.producer.disconnect();
    history.offsets.set(inputOf(id), (await committedOffset(world, inputOf(id))).metadata);
  }
  for (const { transactionalId, state } of await new Rivulet({ url: backend.quietUrl }).admin().listTransactions())
    if (state !== 'empty') wrong.push(`${state} at rest: ${transactionalId}`);
  await log.finish();
  return wrong;
}
