// These are the requests of clients of committed offsets. Each becomes an operation in the history, with its answer.
import type { Engine } from '../../../lib/api/engine.ts';
import { RivuletError } from '../../../lib/api/errors.ts';
import type { PerPartitionReply } from '../../../lib/api/groups.ts';
import type { Answer } from '../core/process.ts';
import { simulatedGroup as groupId, newMemberName, type Surroundings, startMember } from '../groups/member.ts';
import type { OffsetsOperation } from './check.ts';

export const topic = 't';

export type Client = {
  readonly name: string;
  readonly partitions: number;
  readonly operations: OffsetsOperation[];
  /** The refused requests, with the reason. */
  readonly refusals: string[];
  now(): number;
  pause(ms: number): Promise<void>;
  /** Returns a new offset each time, within the log. */
  nextOffset(): number;
  ask<T>(operation: (engine: Engine) => Promise<T>): Promise<Answer<T>>;
  /** The world of the members. */
  readonly world: Surroundings;
};

export type Job = (client: Client) => Promise<void>;

/** A commit without membership. */
export const commit =
  (...partitions: number[]): Job =>
  async (client) => {
    const offset = client.nextOffset();
    const request = {
      groupId,
      topics: [{ topic, partitions: partitions.map((partition) => ({ partition, offset })) }],
    };
    await write(client, `commit of ${offset}`, partitions, `${offset}`, (engine) =>
      engine.groups.commitOffsets(request),
    );
  };

export const reset =
  (...partitions: number[]): Job =>
  async (client) => {
    const offset = client.nextOffset();
    const target = { to: 'offset', offset } as const;
    const request = { groupId, dryRun: false, topics: [{ topic, partitions, target }] };
    await write(client, `reset to ${offset}`, partitions, `${offset}`, (engine) => engine.groups.resetOffsets(request));
  };

export const deleteOffsets =
  (...partitions: number[]): Job =>
  (client) =>
    write(client, 'deletion', partitions, '', (engine) =>
      engine.groups.deleteOffsets({ groupId, topics: [{ topic, partitions }] }),
    );

export const deleteGroup: Job = (client) =>
  write(client, 'deletion of the group', all(client), '', async (engine) => {
    await engine.groups.delete(groupId);
    return { topics: [] };
  });

/** An expiry may remove any partition's offset, or none. */
export const expire =
  (retentionMs: number): Job =>
  async (client) => {
    const begunMs = client.now();
    const answer = await client.ask((engine) => engine.groups.expire({ groupId, retentionMs }));
    const endedMs = isUnknown(answer) ? Number.POSITIVE_INFINITY : client.now();
    for (const partition of all(client))
      client.operations.push({ ...operationOf(client, 'expiry', [partition], ''), kind: 'expiry', begunMs, endedMs });
  };

export const readAll: Job = async (client) => {
  const begunMs = client.now();
  const answer = await client.ask((engine) =>
    engine.groups.fetchOffsets({ groupId, topics: [{ topic, partitions: all(client) }] }),
  );
  if (answer === 'lost') return;
  if ('error' in answer) return refused(client, 'read', answer.error);
  const values = new Map<number, string>();
  for (const found of answer.reply.topics[0]!.partitions) {
    if ('error' in found) return refused(client, 'read', found.error);
    values.set(found.partition, seenValue(found));
  }
  const what = `${client.name} reads ${[...values.values()].map((value) => value || '-').join(' ')}`;
  client.operations.push({ what, kind: 'read', begunMs, endedMs: client.now(), values });
};

export const later =
  (ms: number): Job =>
  ({ pause }) =>
    pause(ms);

/** Joins, reads and commits for a while, and leaves. */
export const beMember: Job = async ({ world, pause }) => {
  const member = startMember(world, { name: newMemberName(world.random), topics: [topic] });
  await pause(4_000);
  await Promise.race([member.leave(-1), pause(6_000)]);
};

/** Joins, reads and commits, then sleeps for longer than its session, and continues as if nothing had happened. */
export const freezeAsMember: Job = async ({ world, pause }) => {
  const member = startMember(world, { name: newMemberName(world.random), topics: [topic] });
  await pause(4_000);
  member.freeze(20_000);
  world.scheduler.after(40_000, member.crash);
};

/** A member's commits carry metadata, because their offsets are not new each time. */
const seenValue = ({ offset, metadata }: { offset: number; metadata?: string }): string =>
  offset === -1 ? '' : `${offset} ${metadata ?? ''}`.trim();

const all = ({ partitions }: Client) => Array.from({ length: partitions }, (_, partition) => partition);

function refused(client: Client, what: string, error: unknown): void {
  if (!(error instanceof RivuletError)) throw error;
  client.refusals.push(`${what}: ${error.errorCode} ${error.message}`);
}

/** Where the outcome is unknown, each partition may have been written without the others. */
async function write(
  client: Client,
  what: string,
  partitions: readonly number[],
  value: string,
  operation: (engine: Engine) => Promise<PerPartitionReply>,
): Promise<void> {
  const begunMs = client.now();
  const answer = await client.ask(operation);
  const endedMs = client.now();
  const errors = new Map<number, unknown>();
  if (answer !== 'lost' && 'reply' in answer) {
    for (const result of answer.reply.topics[0]?.partitions ?? [])
      if ('error' in result) errors.set(result.partition, result.error);
  }
  const whole = answer === 'lost' ? answer : 'error' in answer ? answer.error : undefined;
  const outcome = (partition: number) => errors.get(partition) ?? whole;
  const written = partitions.filter((partition) => outcome(partition) === undefined);
  const base = { kind: 'write', begunMs, fences: !what.startsWith('commit') } as const;
  if (written.length > 0) client.operations.push({ ...operationOf(client, what, written, value), ...base, endedMs });
  for (const partition of partitions.filter((one) => !written.includes(one))) {
    const error = outcome(partition);
    if (error !== 'lost') refused(client, what, error);
    if (error !== 'lost' && (error as RivuletError).outcome === 'not-written') continue;
    const unknown = { ...operationOf(client, what, [partition], value), ...base, endedMs: Number.POSITIVE_INFINITY };
    client.operations.push(unknown);
  }
}

const operationOf = ({ name }: Client, what: string, partitions: readonly number[], value: string) => ({
  what: `${name}: ${what} of ${partitions}`,
  values: new Map(partitions.map((partition) => [partition, value])),
});

const isUnknown = <T>(answer: Answer<T>) =>
  answer === 'lost' ||
  ('error' in answer && !(answer.error instanceof RivuletError && answer.error.outcome === 'not-written'));
