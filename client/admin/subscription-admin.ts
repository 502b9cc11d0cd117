// This part of the administration manages subscriptions: the deliveries of a topic's records to functions and webhooks.
import type {
  CreateSubscription as Create,
  SubscriptionDescription as Described,
  FailureNote,
  SubscriptionPartition as Partition,
  RetryReply,
  SubscriptionSettings as Settings,
  SubscriptionRef,
  SubscriptionSummary,
  UpdateSubscription,
} from '../../lib/api/push.ts';
import { isClientError, RivuletClientError } from '../client-error.ts';
import { paths } from '../transport/paths.ts';
import type { AdminCalls } from './admin-calls.ts';

type Timed<T> = Omit<T, 'startingPositionTimestampMs'> & {
  /** Epoch milliseconds; only with AT_TIMESTAMP. */
  readonly startingPositionTimestamp?: number;
};

export type CreateSubscription = Timed<Create>;

/** The deliveries of a subscription at a partition. */
export type PartitionDelivery = {
  /** A delivery has the partition until then, epoch milliseconds. */
  readonly leaseUntil?: number;
  /** The batch that failed and is tried again. `firstFailure` and `nextTry` are epoch milliseconds. */
  readonly failing?: Omit<FailureNote, 'firstFailureMs' | 'nextTryMs'> & {
    readonly firstFailure: number;
    readonly nextTry: number;
  };
};

export type SubscriptionPartition = Omit<Partition, 'leaseUntilMs' | 'failing'> & PartitionDelivery;

export type SubscriptionDescription = Omit<Described, 'settings' | 'partitions'> & {
  readonly settings: Timed<Settings>;
  readonly partitions: readonly SubscriptionPartition[];
};

/** `secret` signs the events of a webhook. No later reply shows it. */
export type CreatedSubscription = SubscriptionDescription & { readonly secret?: string };

export type RotatedSecret = {
  readonly secret: string;
  /** Until then the secret before signs too, epoch milliseconds. */
  readonly previousUntil: number;
};

export type TestDelivery = {
  readonly outcome: 'success' | 'failed' | 'throttled' | 'gone';
  readonly error?: string;
  readonly retryAfterMs?: number;
};

const mostIdleReplies = 2;

export type SubscriptionAdmin = ReturnType<typeof createSubscriptionAdmin>;

export function createSubscriptionAdmin(calls: AdminCalls) {
  /** The path names every topic that the subscription may write to. */
  const writePathOf = ({ topic, groupId }: SubscriptionRef, onFailure: UpdateSubscription['onFailure']): string =>
    onFailure && 'topic' in onFailure
      ? paths.deadLetters(onFailure.topic, topic, groupId)
      : paths.subscription(topic, groupId);
  const pathOf = ({ topic, groupId }: SubscriptionRef, step = '') => `${paths.subscription(topic, groupId)}${step}`;
  const post = <T>(path: string, body?: object): Promise<T> =>
    calls.retrying(() => calls.ask<T>({ method: 'POST', path, writes: true, ...(body && { body }) }));
  /** A repeat would do something else: rotate another time, send another event. */
  const once = <T>(path: string): Promise<T> => calls.ask<T>({ method: 'POST', path, writes: true });
  return {
    list: (topic?: string) => list(calls, topic),
    describe: (ref: SubscriptionRef) => describe(calls, pathOf(ref)),
    create: ({ topic, groupId, ...body }: CreateSubscription) => {
      const path = writePathOf({ topic, groupId }, body.onFailure);
      return calls.retrying(() => calls.ask<CreatedSubscription>({ method: 'PUT', path, body, writes: true }));
    },
    update: ({ topic, groupId, ...body }: UpdateSubscription) => {
      const path = writePathOf({ topic, groupId }, body.onFailure);
      return calls.retrying(() => calls.ask<CreatedSubscription>({ method: 'PATCH', path, body, writes: true }));
    },
    delete: (ref: SubscriptionRef) => calls.retrying((before) => remove(calls, pathOf(ref), before)),
    pause: (ref: SubscriptionRef, reason?: string) =>
      post<SubscriptionDescription>(pathOf(ref, '/pause'), { ...(reason !== undefined && { reason }) }),
    resume: (ref: SubscriptionRef) => post<SubscriptionDescription>(pathOf(ref, '/resume')),
    retryNow: (ref: SubscriptionRef) => post<SubscriptionDescription>(pathOf(ref, '/retry-now')),
    retryDeadLetters: (ref: SubscriptionRef) => retryDeadLetters(() => post<RetryReply>(pathOf(ref, '/retry'))),
    rotateSecret: (ref: SubscriptionRef) => once<RotatedSecret>(pathOf(ref, '/rotate-secret')),
    testInvoke: (ref: SubscriptionRef) => once<TestDelivery>(pathOf(ref, '/test-invoke')),
  };
}

type Page = { readonly subscriptions: readonly SubscriptionSummary[]; readonly nextAfter?: string };

async function list(calls: AdminCalls, topic: string | undefined): Promise<SubscriptionSummary[]> {
  const found: SubscriptionSummary[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await calls.read<Page>(paths.subscriptions, { topic, after });
    found.push(...page.subscriptions);
    after = page.nextAfter;
  }
  return found;
}

/** Reads page by page. Each page shows the subscription at its own moment. */
async function describe(calls: AdminCalls, path: string): Promise<SubscriptionDescription> {
  const partitions: SubscriptionPartition[] = [];
  for (;;) {
    const query = { partitionsFrom: partitions.length };
    const page = await calls.read<SubscriptionDescription & { nextPartition?: number }>(path, query);
    const { nextPartition, ...description } = page;
    partitions.push(...page.partitions);
    if (nextPartition === undefined) return { ...description, partitions };
  }
}

async function remove(calls: AdminCalls, path: string, before: RivuletClientError | undefined): Promise<void> {
  try {
    await calls.ask({ method: 'DELETE', path, writes: true });
  } catch (error) {
    const gone = isClientError(error) && error.errorCode === 'SUBSCRIPTION_NOT_FOUND';
    if (!gone || before?.outcome !== 'unknown') throw error;
  }
}

/** One request delivers for some seconds. A change of the settings ends it, perhaps before its first letter. */
async function retryDeadLetters(some: () => Promise<RetryReply>): Promise<RetryReply> {
  let [delivered, skipped, idle] = [0, 0, 0];
  for (;;) {
    const reply = await some();
    delivered += reply.delivered;
    skipped += reply.skipped;
    if (!reply.more || reply.failed) return { ...reply, delivered, skipped };
    idle = reply.delivered + reply.skipped > 0 ? 0 : idle + 1;
    if (idle === mostIdleReplies)
      throw new RivuletClientError(
        'REQUEST_TIMED_OUT',
        `the service delivered none of the dead letters that are left, ${idle} times in a row: try it again later`,
      );
  }
}
