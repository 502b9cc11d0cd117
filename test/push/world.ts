// A small world for tests of subscriptions: an engine over memory, a target that answers as a test says, and a dispatcher whose
// invocations come as Lambda brings them: again after a failed run, up to twice, and later if they are scheduled. Time is virtual.

import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import type {
  CreateSubscription,
  DeadLetter,
  Delivery,
  PushBatch,
  PushEvent,
  PushInvocation,
  PushPorts,
  PushRecord,
} from '../../lib/api/push.ts';
import { createEngine } from '../../lib/engine.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import type { Table } from '../../lib/storage/table.ts';
import { batchOf, createTestClock, startMs } from '../log/world.ts';
import { createScheduler, type Scheduler } from '../sim/core/scheduler.ts';
import { through } from '../sim/core/through.ts';

export type Answer = (batch: PushBatch, count: number) => Delivery | Promise<Delivery>;

export const success: Delivery = { kind: 'answered', answer: { kind: 'success' } };
export const failure = (error = 'boom'): Delivery => ({ kind: 'failed', error });
export const partial = (failedOffset: number): Delivery => ({
  kind: 'answered',
  answer: { kind: 'partial', failedOffset, error: `record ${failedOffset} failed` },
});

export type PushWorld = {
  /** The engine of the process that is alive. */
  engine: Engine;
  topicId: string;
  readonly table: Table;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly ports: PushPorts;
  /** One entry for each delivery: the offsets that it had. */
  readonly deliveries: { readonly partition: number; readonly offsets: number[]; readonly atMs: number }[];
  readonly events: PushEvent[];
  readonly queued: DeadLetter[];
  /** How a target answers from now on. */
  answer: Answer;
  /** Sends an invocation for a partition, as the router does after an append. */
  trigger(partition: number, more?: Partial<PushInvocation>): Promise<void>;
  /** Appends records, and triggers. */
  append(partition: number, values: readonly string[], timestampMs?: number): Promise<void>;
  create(more?: Partial<CreateSubscription>): ReturnType<Engine['subscriptions']['create']>;
  /** Lets time pass until every invocation has come and every run has ended. */
  settle(): Promise<void>;
  /** Runs work while time passes. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Lets so many milliseconds pass. */
  pass(ms: number): Promise<void>;
  /** Ends the process that runs everything. Another one takes its place. */
  kill(): void;
  /** True while invocations get lost. */
  losesInvocations: boolean;
};

const never = new Promise<never>(() => undefined);

export const ref = { topic: 't', groupId: 'billing' };

/** One life of the process that runs everything. Calls of a life that is over never return. */
export type Life = { isOver: boolean; readonly onEnd: Promise<void>; end(): void };

export type WorldOptions = {
  /** A decorator of the table, for each life. */
  readonly wrap?: (table: Table, life: Life) => Table;
  readonly table?: Table;
  /** How often an invocation comes again after a run that failed. Default: twice, as Lambda does it. */
  readonly repeats?: number;
};

export function createPushWorld({
  wrap = (table) => table,
  table: bare = createMemoryTable(),
  repeats = 2,
}: WorldOptions = {}): PushWorld {
  const scheduler = createScheduler(startMs);
  const clock = clockOf(scheduler);
  const objects = createMemoryObjectStore({ clock });
  let life: Life;
  let pending = 0;

  const deliver = async (invocation: PushInvocation, left = repeats): Promise<void> => {
    const mine = life;
    try {
      const died = mine.onEnd.then(() => {
        throw new RivuletError('STORAGE_UNAVAILABLE', 'the process died');
      });
      await Promise.race([world.engine.dispatcher.run(invocation), died]);
    } catch (error) {
      if (left === 0) return;
      if (!(error instanceof RivuletError)) throw error;
      await clock.sleep(60_000 * (repeats - left + 1));
      await deliver(invocation, left - 1);
    }
  };
  const send = async (invocation: PushInvocation, whenMs = clock.now()) => {
    if (world.losesInvocations) return;
    pending += 1;
    scheduler.after(whenMs - clock.now(), () => {
      void deliver(invocation).finally(() => {
        pending -= 1;
      });
    });
  };
  const ports: PushPorts = {
    invoke: send,
    observe: (event) => void world.events.push(event),
    targets: {
      check: async () => undefined,
      open: () => ({
        async deliver(batch) {
          const offsets = batch.records.map(({ offset }) => offset);
          world.deliveries.push({ partition: batch.partition, offsets, atMs: clock.now() });
          return world.answer(batch, world.deliveries.length);
        },
      }),
      bytesOf: ({ value }: PushRecord) => 100 + (value?.length ?? 0),
      filter:
        ({ filters }) =>
        ({ value }) =>
          filters.some(({ pattern }) => Buffer.from(value ?? []).toString() === pattern),
      sendToQueue: async (_queue, letters) => void world.queued.push(...letters),
    },
  };
  const run = async (done: () => boolean) => {
    if (!(await scheduler.run(done, 200_000))) throw new Error('the world does not come to rest');
  };
  const begin = (): Engine => {
    life = newLife(() => {
      world.engine = begin();
    });
    const mine = life;
    const mortal = through(wrap(bare, life), (_call, act) => (mine.isOver ? never : act()));
    const table = retryingTable(mortal, clock);
    return createEngine({ objects, table, clock, push: ports });
  };
  const world: PushWorld = {
    engine: undefined as unknown as Engine,
    topicId: '',
    ...{ table: bare, clock, scheduler, ports, deliveries: [], events: [], queued: [], losesInvocations: false },
    answer: () => success,
    kill: () => life.end(),
    async trigger(partition, more = {}) {
      const id = Buffer.from(clock.randomBytes(16)).toString('base64url');
      await send({ ...ref, topicId: world.topicId, partition, id, ...more });
    },
    async append(partition, values, timestampMs = clock.now()) {
      const batches = batchOf(values, { timestampMs });
      const { partitions } = await world.during(
        world.engine.append({ topic: 't', partitions: [{ partition, batches }] }),
      );
      if ('error' in partitions[0]!) throw partitions[0].error;
      await world.trigger(partition);
    },
    create: (more = {}) =>
      world.during(
        world.engine.subscriptions.create({
          ...ref,
          target: { url: 'https://example.com/orders' },
          startingPosition: 'TRIM_HORIZON',
          ...more,
        }),
      ),
    settle: () => run(() => pending === 0),
    async during(work) {
      let isDone = false;
      const died = life.onEnd.then(() => {
        throw new RivuletError('STORAGE_UNAVAILABLE', 'the process died');
      });
      const done = Promise.race([work, died]).finally(() => {
        isDone = true;
      });
      done.catch(() => undefined);
      await run(() => isDone);
      return done;
    },
    async pass(ms) {
      let isOver = false;
      scheduler.after(ms, () => {
        isOver = true;
      });
      await run(() => isOver);
    },
  };
  world.engine = begin();
  return world;
}

function newLife(onEnd: () => void): Life {
  const { promise, resolve } = Promise.withResolvers<void>();
  const life: Life = {
    isOver: false,
    onEnd: promise,
    end() {
      life.isOver = true;
      onEnd();
      resolve();
    },
  };
  return life;
}

function clockOf(scheduler: Scheduler): Clock {
  const { random, randomBytes } = createTestClock();
  return {
    now: () => scheduler.now(),
    monotonic: () => scheduler.now(),
    sleep: (ms) => new Promise((resolve) => scheduler.after(ms, resolve)),
    random,
    randomBytes,
  };
}

/** A world with the topic `t`, and one for dead letters. */
export async function worldOfTopic(partitions = 1, options: WorldOptions = {}): Promise<PushWorld> {
  const world = createPushWorld(options);
  world.topicId = (await world.engine.createTopic({ topic: 't', partitions })).topicId;
  await world.engine.createTopic({ topic: 'dead', partitions: 1 });
  return world;
}

export const offsetsOf = ({ deliveries }: PushWorld): number[][] => deliveries.map(({ offsets }) => offsets);

export async function committedOf({ engine }: PushWorld, partition = 0): Promise<number> {
  const { partitions } = await engine.subscriptions.get(ref);
  return partitions[partition]!.committedOffset;
}
