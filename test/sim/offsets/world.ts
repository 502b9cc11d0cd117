// This is a random world of one group's committed offsets. Simple clients commit, reset, delete and read, maintenance
// expires offsets, and at times there are members, which commit what they own. Every fault of the other worlds happens
// here too. In the end all is quiet for longer than any late copy takes, and the final state must still follow from the
// requests.
import type { Engine } from '../../../lib/api/engine.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import type { CaseVerdict } from '../core/worlds.ts';
import { checkMembership } from '../groups/check.ts';
import { type GroupHistory, newGroupHistory } from '../groups/history.ts';
import { newMemberName, type Surroundings, sessionMs, simulatedGroup, skewMs, startMember } from '../groups/member.ts';
import { openStage, type Stage, type StageOptions } from '../groups/stage.ts';
import { firstMisfit, type OffsetsOperation } from './check.ts';
import { type Client, commit, deleteGroup, deleteOffsets, expire, type Job, readAll, reset, topic } from './jobs.ts';

export type OffsetsWorldOptions = StageOptions & {
  readonly partitions: number;
  readonly clients: number;
  /** The number of jobs of each client. */
  readonly jobs: number;
  /** The share of pauses between a client's jobs that take hours. */
  readonly longPauses: number;
  /** True when members come and go. */
  readonly hasMembers: boolean;
  /** The probability that a member's heartbeat is doubled or held up on its way. */
  readonly mischief: number;
  /** It must be longer than any copy of a write is late, as the real retention is. */
  readonly retentionMs: number;
  /** The jobs of each client, one after the other, instead of jobs at random. */
  readonly script?: readonly (readonly Job[])[];
};

const hourMs = 3_600_000;

export const defaultOffsetsWorld: Omit<OffsetsWorldOptions, 'seed'> = {
  processes: 3,
  partitions: 3,
  clients: 3,
  jobs: 25,
  longPauses: 0,
  hasMembers: false,
  faultRate: 0.05,
  mischief: 0.05,
  mostSkewMs: 400,
  retentionMs: 40 * hourMs,
};

export const offsetsWorlds = {
  'simple clients': defaultOffsetsWorld,
  /** With long pauses, copies that are hours late arrive in the middle of the history. */
  'over days': { ...defaultOffsetsWorld, longPauses: 0.2 },
  'wrong clocks': { ...defaultOffsetsWorld, mostSkewMs: 60_000, longPauses: 0.1 },
  'with members': { ...defaultOffsetsWorld, hasMembers: true, clients: 2, jobs: 40 },
} as const satisfies Record<string, Omit<OffsetsWorldOptions, 'seed'>>;

export type OffsetsWorldResult = CaseVerdict & { readonly operations: readonly OffsetsOperation[] };

/** This is longer than any late copy takes, and longer than any process sleeps. */
const quietMs = 34 * hourMs;
const requestTimeoutMs = 5_000;
const mostSteps = 3_000_000;

export async function runOffsetsWorld(options: OffsetsWorldOptions): Promise<OffsetsWorldResult> {
  const stage = openStage(options);
  const { scheduler, processes, random } = stage;
  const history = newGroupHistory({ keepsLeases: options.mostSkewMs * 2 <= skewMs, mostUnownedMs: 0 }, stage);
  await fill(stage.observer, options.partitions);
  stage.disturb();
  const firstCall = stage.calls();
  const operations: OffsetsOperation[] = [];
  const complaints: string[] = [];
  const failures: unknown[] = [];
  const world: Surroundings = { ...stage, history, mischief: options.mischief, gateway: false };
  const newClient = clientsOf(world, options.partitions, operations);
  const guard = (work: Promise<unknown>) => work.catch((error: unknown) => void failures.push(error));
  const until = (isOver: () => boolean) => scheduler.run(() => isOver() || failures.length > 0, mostSteps);
  const end = { isHere: false };
  let busy = options.clients;
  for (let i = 0; i < options.clients; i++) {
    const client = newClient(`c${i}`, (operation) => random.pick(processes).request(operation, requestTimeoutMs));
    void guard(live(stage, client, options, i)).then(() => void busy--);
  }
  if (!options.script) void guard(nuisance(stage, end));
  if (options.hasMembers) void guard(populate(world, end));
  await until(() => busy === 0);
  end.isHere = true;
  const endCall = stage.calls();
  stage.calm();
  const restMs = scheduler.now() + quietMs;
  scheduler.after(quietMs, () => {});
  await until(() => scheduler.now() >= restMs);
  let isProbed = false;
  const prober = newClient('probe', async (operation) => ({ reply: await operation(stage.observer) }));
  void guard(probe(stage, prober, options, complaints)).then(() => {
    isProbed = true;
  });
  await until(() => isProbed);
  if (failures.length > 0) throw failures[0];
  operations.push(...membersOperations(history));
  const rules = { partitions: options.partitions, youngestMs: options.retentionMs - 2 * options.mostSkewMs };
  const misfit = firstMisfit(operations, rules);
  if (misfit) complaints.push(`not linearizable: ${misfit.what}, from ${misfit.begunMs} to ${misfit.endedMs}`);
  complaints.push(...unfenced(history, operations));
  complaints.push(...checkMembership(history).map(({ name, detail }) => `${name}: ${detail}`));
  for (const { begunMs, endedMs, what } of operations) stage.trace(`${begunMs} to ${endedMs}: ${what}`);
  const counts = { operations: operations.length };
  return { operations, steps: scheduler.steps(), firstCall, endCall, complaints, counts };
}

/** Writes records, so that resets have offsets to go to. */
async function fill(observer: Engine, partitions: number): Promise<void> {
  await observer.createTopic({ topic, partitions });
  const record = { key: null, value: Buffer.from('v'), headers: [], timestampMs: -1 };
  const batches = encodeBatch(Array.from({ length: 1_000 }, () => record));
  for (let partition = 0; partition < partitions; partition++)
    await observer.append({ topic, partitions: [{ partition, batches }] });
}

function clientsOf(world: Surroundings, partitions: number, operations: OffsetsOperation[]) {
  let offset = 0;
  return (name: string, ask: Client['ask']): Client => ({
    ...{ name, partitions, ask, operations, world, refusals: [] },
    now: world.scheduler.now,
    pause: (ms) => new Promise((resolve) => world.scheduler.after(ms, resolve)),
    nextOffset: () => ++offset,
  });
}

async function live({ random }: Stage, client: Client, options: OffsetsWorldOptions, index: number): Promise<void> {
  const jobs = options.script?.[index] ?? Array.from({ length: options.jobs }, () => draw(random, options));
  for (const job of jobs) {
    if (!options.script) await client.pause(random.below(random.chance(options.longPauses) ? 40 * hourMs : 1_500));
    await job(client);
  }
}

function draw(random: Stage['random'], { partitions, retentionMs }: OffsetsWorldOptions): Job {
  const any = Array.from({ length: partitions }, (_, partition) => partition).filter(() => random.chance(0.6));
  const some = any.length > 0 ? any : [random.below(partitions)];
  const what = random.below(100);
  if (what < 35) return commit(...some);
  if (what < 70) return readAll;
  if (what < 78) return reset(...some);
  if (what < 87) return deleteOffsets(...some);
  return what < 93 ? deleteGroup : expire(retentionMs);
}

async function nuisance({ random, scheduler, processes, skew }: Stage, end: { readonly isHere: boolean }) {
  while (!end.isHere) {
    await new Promise<void>((resolve) => scheduler.after(random.below(12_000), resolve));
    if (random.chance(0.5)) random.pick(processes).kill();
    else random.pick(processes).turnClock(skew());
  }
}

/** Members come, commit what they have read, and leave, die or freeze. Then there are no members for a while. */
async function populate(world: Surroundings, end: { readonly isHere: boolean }): Promise<void> {
  const { random, scheduler } = world;
  const pause = (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, resolve));
  while (!end.isHere) {
    const names = Array.from({ length: 1 + random.below(2) }, () => newMemberName(random));
    const members = names.map((name) => startMember(world, { name, topics: [topic] }));
    await pause(2_000 + random.below(8_000));
    for (const member of members) {
      if (random.chance(0.2)) member.freeze(random.below(2 * sessionMs));
      if (random.chance(0.6)) await Promise.race([member.leave(-1), pause(5_000)]);
      else scheduler.after(random.below(2 * sessionMs), member.crash);
    }
    await pause(random.below(2 * sessionMs));
  }
}

function membersOperations({ commits }: GroupHistory): OffsetsOperation[] {
  return commits
    .filter(({ result }) => result !== 'refused')
    .map(({ member, partition, offset, note, begunMs, endedMs, result }) => ({
      what: `member ${member}: commit of ${offset} of ${partition}`,
      kind: 'write',
      begunMs,
      endedMs: result === 'accepted' ? endedMs : Number.POSITIVE_INFINITY,
      values: new Map([[Number(partition.slice(topic.length + 1)), `${offset} ${note}`]]),
    }));
}

/** A member that commits after a reset must have been assigned the partition since the reset. */
function unfenced({ commits, tellings }: GroupHistory, operations: readonly OffsetsOperation[]): string[] {
  const fences = operations.filter((operation) => operation.fences);
  return commits
    .filter(({ result }) => result === 'accepted')
    .flatMap(({ member, partition, begunMs, offset }) => {
      const number = Number(partition.slice(topic.length + 1));
      const fence = fences.findLast(({ endedMs, values }) => endedMs < begunMs && values.has(number));
      const told = tellings.findLast(
        (each) => each.member === member && each.atMs < begunMs && each.partitions.includes(partition),
      );
      if (!fence || (told && told.atMs > fence.begunMs)) return [];
      return [
        `not fenced: ${member} commits ${offset} of ${partition} at ${begunMs}, after ${fence.what} at ${fence.endedMs}`,
      ];
    });
}

/** When all is quiet, every request is accepted, and does what it says. */
async function probe(
  { observer, scheduler }: Stage,
  client: Client,
  { retentionMs, partitions }: OffsetsWorldOptions,
  complaints: string[],
): Promise<void> {
  const everywhere = Array.from({ length: partitions }, (_, partition) => partition);
  const run = async (...jobs: Job[]) => {
    for (const job of jobs) {
      await client.pause(10);
      await job(client);
      await client.pause(10);
      await readAll(client);
      const isListed = (await observer.groups.list({})).groups.some(({ groupId }) => groupId === simulatedGroup);
      const hasOffsets = [...client.operations.at(-1)!.values.values()].some((value) => value !== '');
      if (hasOffsets && !isListed) complaints.push('has offsets at rest, and is not listed');
      if (job === deleteGroup && isListed) complaints.push('deleted at rest, and listed');
    }
  };
  // Maintenance completes a deletion whose process died.
  await readAll(client);
  await client.pause(10);
  await expire(retentionMs)(client);
  await run(readAll, commit(0), reset(...everywhere), deleteOffsets(0), commit(0), deleteGroup, commit(...everywhere));
  await client.pause(retentionMs + 1_000);
  await run(expire(retentionMs));
  if ((await observer.groups.list({})).groups.length > 0) complaints.push('expired at rest, and listed');
  complaints.push(...client.refusals.map((refusal) => `refused at rest: ${refusal} at ${scheduler.now()}`));
}
