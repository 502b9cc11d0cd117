// Clients do this in a world of push: they append, and they make, change, pause, reset and delete the subscription. A client asks
// again until it has an answer, as people and the SDK do.
import type { Engine } from '../../../lib/api/engine.ts';
import { RivuletError } from '../../../lib/api/errors.ts';
import type { CreateSubscription, Subscriptions } from '../../../lib/api/push.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import type { Answer } from '../core/process.ts';
import { groupId, type History, type Life, topic } from './history.ts';
import { queueOf, urlOf } from './target.ts';

export type Client = {
  readonly history: History;
  readonly partitions: number;
  readonly retries: number;
  readonly windowSeconds: number;
  readonly deadLetters: 'queue' | 'topic' | 'none';
  readonly maximumConcurrency?: number;
  now(): number;
  newId(): string;
  pause(ms: number): Promise<void>;
  chance(probability: number): boolean;
  ask<T>(
    operation: (parts: { readonly engine: Engine; readonly subscriptions: Subscriptions }) => Promise<T>,
  ): Promise<Answer<T>>;
  readonly lives: { count: number; current: Life | undefined };
};

export type Job = (client: Client) => Promise<void>;

const ref = { topic, groupId };
export const lettersTopic = 'letters';
const mostTries = 40;

/** Undefined if nothing but silence came, or if the answer was one of the `final` errors. */
async function untilAnswered<T>(
  client: Client,
  final: readonly string[],
  ...[operation]: Parameters<typeof client.ask<T>>
) {
  for (let tries = 0; tries < mostTries; tries++) {
    const answer = await client.ask(operation);
    if (answer !== 'lost' && 'reply' in answer) return answer.reply;
    const code = answer === 'lost' ? undefined : codeOf(answer.error);
    if (code !== undefined && final.includes(code)) return undefined;
    await client.pause(2_000);
  }
  return undefined;
}

function codeOf(error: unknown): string {
  if (!(error instanceof RivuletError)) throw error;
  return error.errorCode;
}

export const append =
  (partition: number, ...values: string[]) =>
  async (client: Pick<Client, 'ask'>): Promise<void> => {
    const records = values.map((value) => ({ key: null, value: Buffer.from(value), headers: [], timestampMs: -1 }));
    const batches = encodeBatch(records);
    await client.ask(({ engine }) => engine.append({ topic, partitions: [{ partition, batches }] }));
  };

function onFailureOf({ deadLetters }: Client, life: Life): Pick<CreateSubscription, 'onFailure'> {
  if (deadLetters === 'none') return {};
  return { onFailure: deadLetters === 'queue' ? { queue: queueOf(life) } : { topic: lettersTopic } };
}

export const create: Job = async (client) => {
  const life = `life${client.lives.count++}`;
  const { retries, windowSeconds, maximumConcurrency } = client;
  const request: CreateSubscription = {
    ...ref,
    ...{ target: { url: urlOf(life) }, startingPosition: 'TRIM_HORIZON', batchSize: 3 },
    maximumBatchingWindowSeconds: windowSeconds,
    ...{ maximumRetryAttempts: retries, reportBatchItemFailures: true, bisectBatchOnFunctionError: life.endsWith('1') },
    ...onFailureOf(client, life),
    ...(maximumConcurrency !== undefined && { maximumConcurrency }),
  };
  const made = await untilAnswered(client, ['SUBSCRIPTION_ALREADY_EXISTS'], ({ subscriptions }) =>
    subscriptions.create(request),
  );
  if (made) client.lives.current = life;
};

export const remove: Job = async (client) => {
  const { current } = client.lives;
  const isGone = await untilAnswered(client, ['SUBSCRIPTION_NOT_FOUND'], async ({ subscriptions }) => {
    await subscriptions.delete(ref);
    return true;
  });
  if (isGone && current) client.history.deletions.push({ life: current, ackMs: client.now() });
  client.lives.current = undefined;
};

const change =
  (act: (subscriptions: Subscriptions) => Promise<unknown>): Job =>
  async (client) => {
    await untilAnswered(client, ['SUBSCRIPTION_NOT_FOUND'], ({ subscriptions }) => act(subscriptions));
  };

export const pause: Job = change((subscriptions) => subscriptions.pause(ref));
export const resume: Job = change((subscriptions) => subscriptions.resume(ref));
export const retryNow: Job = change((subscriptions) => subscriptions.retryNow(ref));
export const batchesOf = (batchSize: number): Job =>
  change((subscriptions) => subscriptions.update({ ...ref, batchSize }));

/** Without a number there is no limit any more. */
export const limitOf = (maximumConcurrency: number | null): Job =>
  change((subscriptions) => subscriptions.update({ ...ref, maximumConcurrency }));

/** Only back to the start, so that everything still has to be delivered. While a lease is live it is refused. */
export const reset: Job = async (client) => {
  await pause(client);
  const partitions = Array.from({ length: client.partitions }, (_, partition) => partition);
  const request = { groupId, dryRun: false, topics: [{ topic, partitions, target: { to: 'earliest' } }] } as const;
  for (let tries = 0; tries < 5; tries++) {
    const answer = await client.ask(({ engine }) => engine.groups.resetOffsets(request));
    if (answer !== 'lost' && 'reply' in answer) break;
    if (answer === 'lost') client.history.sleepingResets++;
    await client.pause(20_000);
  }
  await resume(client);
};

/** Everything that is refused while there is a subscription. It would skip records, or give them to somebody else. */
export const intrude: Job = async (client) => {
  const partition = 0;
  if (client.chance(0.4))
    await client.ask(({ engine }) =>
      engine.groups.commitOffsets({ groupId, topics: [{ topic, partitions: [{ partition, offset: 1_000 }] }] }),
    );
  else if (client.chance(0.5))
    await client.ask(({ engine }) =>
      engine.groups.deleteOffsets({ groupId, topics: [{ topic, partitions: [partition] }] }),
    );
  else await client.ask(({ engine }) => engine.groups.expire({ groupId, retentionMs: 1 }));
};

export const later =
  (ms: number): Job =>
  ({ pause: wait }) =>
    wait(ms);
