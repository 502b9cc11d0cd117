// Every single fault at every call of the table: in a run with a failure and a poison record, in a creation, in a
// deletion, and in a retry of dead letters.
import { describe, expect, test } from 'vitest';
import { RivuletError } from '../../lib/api/errors.ts';
import { headKey } from '../../lib/storage/keys.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, readAll, valuesOf } from '../log/world.ts';
import { committedOf, failure, type Life, type PushWorld, ref, success, worldOfTopic } from './world.ts';

const faults = ['request lost', 'reply lost', 'acts later', 'acts twice', 'dies before', 'dies after'] as const;
type Fault = (typeof faults)[number];

const never = new Promise<never>(() => undefined);
const noAnswer = () => new StorageError('no-answer', 'injected');

/** Breaks call number `at`, counted from `arm` over all lives. */
function breakCall(fault: Fault, at: number) {
  let calls = Number.NEGATIVE_INFINITY;
  const late: { due: number; act: () => Promise<unknown> }[] = [];
  const laterCalls = 7;

  async function call<T>(life: Life, act: () => Promise<T>): Promise<T> {
    if (life.isOver) return never;
    const number = calls++;
    for (const one of late.splice(0)) {
      if (one.due <= number) await one.act().catch(() => undefined);
      else late.push(one);
    }
    if (number !== at) return alive(life, await act());
    if (fault === 'dies before' || fault === 'dies after') {
      if (fault === 'dies after') await act();
      life.end();
      return never;
    }
    if (fault === 'acts later') late.push({ due: number + laterCalls, act });
    if (fault === 'acts twice') await act();
    if (fault === 'reply lost') await act();
    if (fault === 'acts twice') return act();
    throw noAnswer();
  }
  const alive = <T>(life: Life, value: T): T | Promise<never> => (life.isOver ? never : value);

  return {
    arm: () => {
      calls = 0;
    },
    disarm: async () => {
      calls = Number.NEGATIVE_INFINITY;
      for (const one of late.splice(0)) await one.act().catch(() => undefined);
    },
    fired: () => calls > at,
    wrap: (table: Table, life: Life): Table => ({
      get: (...args) => call(life, () => table.get(...args)),
      getMany: (...args) => call(life, () => table.getMany(...args)),
      query: (...args) => call(life, () => table.query(...args)),
      write: (...args) => call(life, () => table.write(...args)),
      transact: (...args) => call(life, () => table.transact(...args)),
    }),
  };
}

/** Runs `scenario` once for each call that it makes. */
async function sweep(
  fault: Fault,
  scenario: (world: PushWorld, breaker: ReturnType<typeof breakCall>) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    const breaker = breakCall(fault, at);
    const world = await worldOfTopic(1, { wrap: breaker.wrap });
    try {
      await scenario(world, breaker);
    } catch (error) {
      throw new Error(`${fault} at call ${at}: ${(error as Error).message}`, { cause: error });
    }
    if (!breaker.fired()) return at;
  }
}

/** A person who runs a command again until it works. */
async function untilDone(
  world: PushWorld,
  work: () => Promise<unknown>,
  isDone: (error: unknown) => boolean = () => false,
) {
  for (let tries = 0; tries < 5; tries++) {
    try {
      // The process may die in the very first call.
      await world.during(Promise.resolve().then(work));
      return;
    } catch (error) {
      if (isDone(error)) return;
      if (!(error instanceof RivuletError) && !(error instanceof StorageError)) throw error;
    }
  }
  throw new Error('five tries were not enough');
}

/** Each record is handled, or in the dead letters, and none was passed over. */
function observeHandling(world: PushWorld, isPoison: (offset: number) => boolean) {
  const handled = new Set<number>();
  let hasFailed = false;
  world.answer = ({ records }) => {
    const offsets = records.map(({ offset }) => offset);
    for (let before = 0; before < offsets[0]!; before++)
      if (!isPoison(before) && !handled.has(before)) throw new Error(`record ${before} was skipped`);
    if (offsets.some(isPoison)) return failure('poison');
    if (!hasFailed) {
      hasFailed = true;
      return failure('once');
    }
    for (const offset of offsets) handled.add(offset);
    return success;
  };
  return handled;
}

describe('a run', () => {
  test.each(faults)('%s at any call loses nothing, gets stuck nowhere, and doubles no dead letter', async (fault) => {
    const calls = await sweep(fault, async (world, breaker) => {
      await world.create({ batchSize: 1, maximumRetryAttempts: 3, onFailure: { topic: 'dead' } });
      const handled = observeHandling(world, (offset) => offset === 1);
      await appendOne(world.engine, 0, batchOf(['a', 'poison', 'c']));
      breaker.arm();
      await world.trigger(0);
      await world.settle();
      const hasFired = breaker.fired();
      await breaker.disarm();
      if (!hasFired) breaker.fired = () => false;
      else breaker.fired = () => true;
      expect([...handled].sort()).toEqual([0, 2]);
      expect(await committedOf(world)).toBe(3);
      expect(valuesOf(await readAll(world.engine, 0, 0, 'dead'))).toEqual(['poison']);
    });
    expect(calls).toBeGreaterThan(30);
  });
});

describe('a creation', () => {
  test.each(faults)('%s at any call: it is repeated, and nothing from its start on is missed', async (fault) => {
    const calls = await sweep(fault, async (world, breaker) => {
      const handled = observeHandling(world, () => false);
      await appendOne(world.engine, 0, batchOf(['before']));
      breaker.arm();
      await untilDone(world, () =>
        world.engine.subscriptions.create({
          ...ref,
          target: { url: 'https://example.com' },
          startingPosition: 'TRIM_HORIZON',
        }),
      );
      const hasFired = breaker.fired();
      await breaker.disarm();
      breaker.fired = () => hasFired;
      await world.settle();
      await world.append(0, ['after']);
      await world.settle();
      expect([...handled].sort()).toEqual([0, 1]);
      const { topicId } = await world.engine.describeTopic('t');
      expect((await world.table.get(headKey(topicId, 0)))?.f).toBeGreaterThan(1);
    });
    expect(calls).toBeGreaterThan(10);
  });
});

describe('a deletion', () => {
  test.each(faults)('%s at any call: nothing is delivered after it, and members may take over', async (fault) => {
    const calls = await sweep(fault, async (world, breaker) => {
      await world.create();
      await world.append(0, ['a']);
      await world.settle();
      breaker.arm();
      const isGone = (error: unknown) => error instanceof RivuletError && error.errorCode === 'SUBSCRIPTION_NOT_FOUND';
      await untilDone(world, () => world.engine.subscriptions.delete(ref), isGone);
      const hasFired = breaker.fired();
      await breaker.disarm();
      breaker.fired = () => hasFired;
      const before = world.deliveries.length;
      await world.append(0, ['b']);
      await world.settle();
      await world.during(world.engine.dispatcher.lookAround());
      await world.settle();
      expect(world.deliveries.length).toBe(before);
      const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 2 }] }];
      const reply = await world.engine.groups.commitOffsets({ groupId: ref.groupId, topics });
      expect(reply.topics[0]!.partitions[0]).toEqual({ partition: 0 });
      const { topicId } = await world.engine.describeTopic('t');
      expect((await world.table.get(headKey(topicId, 0)))?.f).toBeUndefined();
    });
    expect(calls).toBeGreaterThan(4);
  });
});

describe('a retry of dead letters', () => {
  test.each(faults)('%s at any call: each is delivered, and committed', async (fault) => {
    const calls = await sweep(fault, async (world, breaker) => {
      const poison = ['a', 'b', 'c'];
      await world.create({ batchSize: 1, maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
      world.answer = () => failure();
      await appendOne(world.engine, 0, batchOf(poison));
      await world.trigger(0);
      await world.settle();
      const delivered: number[] = [];
      world.answer = ({ records }) => {
        delivered.push(records[0]!.offset);
        return success;
      };
      breaker.arm();
      let tries = 0;
      await untilDone(world, () => {
        tries += 1;
        return world.engine.subscriptions.retry(ref);
      });
      const hasFired = breaker.fired();
      await breaker.disarm();
      breaker.fired = () => hasFired;
      if (!fault.startsWith('dies')) expect(tries).toBe(1);
      expect(delivered.filter((offset, at) => offset !== delivered[at - 1])).toEqual([0, 1, 2]);
      const again = await world.during(world.engine.subscriptions.retry(ref));
      expect(again).toEqual({ delivered: 0, skipped: 0, more: false });
    });
    expect(calls).toBeGreaterThan(10);
  });
});
