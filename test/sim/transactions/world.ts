// A world of transactions: clients with transactional ids, which may have rivals of the same id; producers without
// transactions; readers; the hourly run; merge and cleaning. In the end all is quiet for longer than any late copy takes, and
// what is in the log must follow from what was asked and told.
import { RivuletError } from '../../../lib/api/errors.ts';
import type { CaseVerdict } from '../core/worlds.ts';
import { openStage, type Stage, type StageOptions } from '../groups/stage.ts';
import { check } from './check.ts';
import {
  type Client,
  calmly,
  doomed,
  firstDoomed,
  groupId,
  inputs,
  type Job,
  placeOf,
  topic,
  type World,
} from './client.ts';
import { checkIsolation } from './elle.ts';
import { type History, newHistory } from './history.ts';
import { begin, clean, crowd, later, produce, read, remove, tend, transact, valuesOf } from './jobs.ts';
import { leave } from './members.ts';
import { kafkas, kafkasNewer, overHttp, type Protocol } from './protocol.ts';
import { watched } from './watch.ts';

export type TransactionsWorldOptions = StageOptions & {
  readonly partitions: number;
  /** The clients by the names of their ids. Clients of one name are rivals. */
  readonly ids: readonly string[];
  /** The clients beside them, which write without transactions, read and maintain. */
  readonly others: number;
  /** The number of jobs of each client. */
  readonly jobs: number;
  /** The probability that a commit in one step is refused, because another write is in the way. */
  readonly conflicts: number;
  /** The share of pauses that take hours, and of those that take days. */
  readonly longPauses: number;
  readonly timeoutMs: number;
  /** Records in each partition before it begins, so that heads spill soon. */
  readonly filled: number;
  /** A topic that may be deleted is there too. */
  readonly hasDoomed?: boolean;
  /** The clients with transactional ids are members of the group, and share one input. */
  readonly hasMembers?: boolean;
  /** The clients with transactional ids that speak Kafka's protocol: all of them, or every other one. */
  readonly kafka?: 'all' | 'some';
  /** They speak version 2 of its transaction protocol. */
  readonly isNewer?: boolean;
  /** The jobs of each client, one after the other, instead of jobs at random. */
  readonly script?: readonly (readonly Job[])[];
};

const hourMs = 3_600_000;
const quietMs = 34 * hourMs;
const mostSteps = 3_000_000;

export type TransactionsWorldResult = CaseVerdict & { readonly history: History };

export async function runTransactionsWorld(options: TransactionsWorldOptions): Promise<TransactionsWorldResult> {
  const history = newHistory();
  const complaints: string[] = [];
  const { conflicts } = options;
  let chance = (_probability: number) => false;
  const around: NonNullable<StageOptions['around']> = (table) =>
    watched(table, { history, conflicts, complaints, chance: (probability) => chance(probability) });
  const stage = openStage({ ...options, around });
  const { scheduler, observer } = stage;
  const { topicId } = await observer.createTopic({ topic, partitions: options.partitions });
  if (options.hasDoomed) await observer.createTopic({ topic: doomed, partitions: 1 });
  await observer.createTopic({ topic: inputs, partitions: inputsOf(options).length });
  const look = lookOver(stage, history, options, complaints);
  const world: World = { ...stage, history, topicId, partitions: options.partitions, look };
  await fill(world, options.filled);
  // An answer of chance that is certain is not drawn, so that it changes nothing else.
  chance = (probability) => probability > 0 && (probability >= 1 || stage.random.chance(probability));
  stage.disturb();
  const firstCall = stage.calls();
  await runClients(world, options);
  const endCall = stage.calls();
  stage.calm();
  chance = () => false;
  await rest(world, complaints, options);
  complaints.push(...check(history).map(({ name, detail }) => `${name}: ${detail}`));
  complaints.push(...checkIsolation(history).map(({ name, detail }) => `${name}: ${detail}`));
  const counts = { transactions: history.transactions.length, decided: history.decided.size };
  return { history, steps: scheduler.steps(), firstCall, endCall, reads: stage.reads, complaints, counts };
}

/** Reads from where it was, in every partition, and notes when each value was seen first. */
function lookOver(stage: Stage, history: History, options: TransactionsWorldOptions, complaints: string[]) {
  const broken = new Set<number>();
  const names = Array.from({ length: options.partitions }, (_, partition) => partition);
  const logs = new Map([...names, ...(options.hasDoomed ? [firstDoomed] : [])].map((name) => [name, [] as string[]]));
  return async () => {
    for (const [name, log] of logs) {
      const failure = await readOn(stage, history, name, log);
      if (failure === 'gone') history.log.delete(name);
      else history.log.set(name, log);
      if (failure !== undefined && failure !== 'gone' && !broken.has(name)) {
        broken.add(name);
        complaints.push(`cannot be read: ${failure}`);
      }
    }
  };
}

/** Returns why it could not be read: `gone` if the topic was deleted. A topic that was made again begins anew. */
async function readOn(
  { observer, scheduler }: Stage,
  { seenMs, topicIds }: History,
  name: number,
  log: string[],
): Promise<string | undefined> {
  const where = placeOf(name);
  for (;;) {
    const request = { topic: where.topic, partitions: [{ partition: where.partition, offset: log.length }] };
    const reply = await observer.fetch(request).catch((error: unknown) => error as RivuletError);
    if (reply instanceof RivuletError && name >= firstDoomed && reply.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION')
      return 'gone';
    if (!('partitions' in reply)) return String(reply);
    const isAnother = name >= firstDoomed && topicIds.get(name) !== reply.topicId;
    if (isAnother) {
      topicIds.set(name, reply.topicId);
      const isEmpty = log.length === 0;
      log.length = 0;
      if (!isEmpty) continue;
    }
    const [part] = reply.partitions;
    if (!part || 'error' in part || part.batches.length === 0) return undefined;
    const from = log.length - baseOf(part.batches[0]!);
    const values = valuesOf({ reply })!.slice(from);
    for (const value of values) if (!seenMs.has(value)) seenMs.set(value, scheduler.now());
    log.push(...values);
  }
}

const baseOf = (batch: Uint8Array) => Number(Buffer.from(batch.buffer, batch.byteOffset, 8).readBigInt64BE(0));

async function fill({ observer, history, partitions, look }: World, filled: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition++)
    for (let i = 0; i < filled; i++) {
      const value = `before${partition}.${i}`;
      await observer.appendRecords({
        topic,
        records: [{ partition, key: null, value: Buffer.from(value), headers: [] }],
      });
      history.plains.push({ partition, value, isOnce: true, tries: ['done'] });
    }
  await look();
}

async function runClients(world: World, options: TransactionsWorldOptions): Promise<void> {
  const { scheduler } = world;
  const idsWithInput = inputsOf(options);
  const names = [...options.ids, ...Array.from({ length: options.others }, () => undefined)];
  const failures: unknown[] = [];
  let busy = names.length;
  for (const [i, id] of names.entries()) {
    const client: Client = {
      ...{ world, name: `c${i}`, id: id ?? '', input: Math.max(0, idsWithInput.indexOf(id ?? '')) },
      ...{ timeoutMs: options.timeoutMs, speaks: protocolOf(options, i), session: undefined, begun: 0 },
    };
    void live(client, options, i).then(
      () => void busy--,
      (error: unknown) => void failures.push(error),
    );
  }
  const end = { isHere: false };
  if (!options.script) void nuisance(world, options.longPauses > 0 ? hourMs : 12_000, end);
  await scheduler.run(() => busy === 0 || failures.length > 0, mostSteps);
  end.isHere = true;
  if (failures.length > 0) throw failures[0];
  if (busy > 0) throw new Error(`${busy} clients did not come to an end`);
}

/** The ids that have an input of their own. Members share one. */
const inputsOf = ({ ids, hasMembers = false }: Pick<TransactionsWorldOptions, 'ids' | 'hasMembers'>) =>
  hasMembers ? ['all'] : [...new Set(ids)];

function protocolOf({ kafka, isNewer = false }: TransactionsWorldOptions, index: number): Protocol {
  const speaksKafkas = kafka === 'all' || (kafka === 'some' && index % 2 === 1);
  if (!speaksKafkas) return overHttp;
  return isNewer ? kafkasNewer : kafkas;
}

async function live(client: Client, options: TransactionsWorldOptions, index: number): Promise<void> {
  const script = options.script?.[index];
  for (let i = 0; i < (script?.length ?? options.jobs); i++) {
    if (!script) await later(pauseOf(client.world, options))(client);
    await (script?.[i] ?? draw(client, options))(client);
  }
}

function pauseOf({ random }: World, { longPauses }: TransactionsWorldOptions): number {
  if (!random.chance(longPauses)) return random.below(1_500);
  return random.chance(0.1) ? random.below(9 * 24 * hourMs) : random.below(40 * hourMs);
}

function draw({ world: { random }, id }: Client, options: TransactionsWorldOptions): Job {
  const { partitions, hasDoomed = false, hasMembers = false } = options;
  const partition = random.below(partitions);
  if (id === '') {
    if (hasDoomed && random.chance(0.3)) return remove(random.chance(0.8));
    const what = random.below(100);
    if (what < 30) return produce(partition, 1 + random.below(4));
    if (what < 55) return crowd(partition, 1 + random.below(10));
    if (what < 75) return read(partition);
    return what < 90 ? tend : clean(partition);
  }
  if (random.chance(0.1)) return begin;
  if (hasMembers && random.chance(0.2)) return leave;
  const many = random.chance(0.15) ? 5 + random.below(6) : 0;
  const batches = Array.from({ length: many || 1 + random.below(4) }, () =>
    hasDoomed && random.chance(0.2) ? firstDoomed : random.below(many ? 1 + partition : partitions),
  );
  return transact({
    batches,
    hasOffsets: random.chance(0.5),
    isHasty: random.chance(0.1),
    ...(random.chance(0.2) && { mostEnds: 1 }),
    ...(random.chance(0.5) && { reads: partition }),
    end: random.chance(0.75) ? 'commit' : random.pick(['abort', 'leave'] as const),
    pauseMs: random.chance(0.3) ? 2_000 : 20,
    isMember: hasMembers,
    // Longer than the session.
    ...(hasMembers && random.chance(0.2) && { interlude: later(12_000) }),
  });
}

async function nuisance(world: World, gapMs: number, end: { readonly isHere: boolean }): Promise<void> {
  const { random, processes, skew } = world;
  while (!end.isHere) {
    await new Promise<void>((resolve) => world.scheduler.after(random.below(gapMs), resolve));
    if (random.chance(0.5)) random.pick(processes).kill();
    else random.pick(processes).turnClock(skew());
  }
}

/** When all is quiet, the hourly run leaves nothing open, and every id can commit. */
async function rest(world: World, complaints: string[], options: TransactionsWorldOptions): Promise<void> {
  const { scheduler, observer, history, look } = world;
  const { ids, timeoutMs } = options;
  const idsWithInput = inputsOf(options);
  const restMs = scheduler.now() + quietMs;
  scheduler.after(quietMs, () => {});
  await scheduler.run(() => scheduler.now() >= restMs, mostSteps);
  const { failure } = await observer.transactions.tend();
  if (failure) throw failure;
  const { transactions } = await observer.transactions.list({ limit: 100 });
  for (const { transactionalId, state } of transactions)
    if (state !== 'empty') complaints.push(`${state} at rest: ${transactionalId}`);
  for (const [i, id] of [...new Set(ids)].entries()) {
    const input = Math.max(0, idsWithInput.indexOf(id));
    const client: Client = {
      ...{ world: calmly(world), name: `rest${i}`, id, input, timeoutMs, speaks: protocolOf(options, i) },
      session: undefined,
      begun: 0,
    };
    let isOver = false;
    void transact({ batches: [0], hasOffsets: true, end: 'commit' })(client).then(() => {
      isOver = true;
    });
    await scheduler.run(() => isOver, mostSteps);
    const one = history.transactions.at(-1)!;
    if (one.name !== `rest${i}.0` || one.ends.at(-1)?.told !== 'done') complaints.push(`refused at rest: ${id}`);
  }
  await look();
  await noteOffsets(world, idsWithInput.length);
}

async function noteOffsets({ observer, history }: World, count: number): Promise<void> {
  const partitions = Array.from({ length: count }, (_, i) => i);
  const { topics } = await observer.groups.fetchOffsets({ groupId, topics: [{ topic: inputs, partitions }] });
  for (const found of topics[0]!.partitions)
    if (!('error' in found)) history.offsets.set(found.partition, (found as { metadata?: string }).metadata ?? '');
}
