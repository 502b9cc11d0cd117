// The dispatcher as a function, over the real engine.
import { expect, test } from 'vitest';
import { createDispatcherHandler, type DispatcherEvent } from '../../../functions/push/dispatcher-handler.ts';
import { createPushNet } from '../../../functions/push/net.ts';
import { resultOf } from '../../../functions/push/outcome.ts';
import type { PushInvocation } from '../../../lib/api/push.ts';
import { createLogContext } from '../../../lib/log/context.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { committedOf, failure, offsetsOf, type PushWorld, ref, worldOfTopic } from '../../push/world.ts';
import { keepLogLines } from '../log-lines.ts';

const lines = keepLogLines();
const entries = () => lines.map((line) => JSON.parse(line));

/** The handler beside the engine of the world, over the same table. Records are small appends, which are items. */
async function dispatcherOf(world: PushWorld) {
  const invoked: { readonly by: string; readonly whenMs: number | undefined }[] = [];
  const log = createLogContext({
    objects: createMemoryObjectStore({ clock: world.clock }),
    table: world.table,
    clock: world.clock,
  });
  const invoke = (by: string) => async (_: PushInvocation, whenMs?: number) => void invoked.push({ by, whenMs });
  const handler = createDispatcherHandler(log, { targets: world.ports.targets, invoke }, 'Test');
  const context = { getRemainingTimeInMillis: () => 900_000, invokedFunctionArn: 'arn:dispatcher' };
  const { topicId } = await world.engine.describeTopic('t');
  const run = (event: DispatcherEvent = { ...ref, topicId, partition: 0, id: 'x'.repeat(22) }) =>
    world.during(handler(event, context));
  return { run, invoked };
}

async function behind(): Promise<PushWorld> {
  const world = await worldOfTopic();
  await world.engine.alterTopic({ topic: 't', config: { 'rivulet.inline.max.bytes': '1024' } });
  await world.engine.alterTopic({ topic: 'dead', config: { 'rivulet.inline.max.bytes': '1024' } });
  await world.create({ maximumRetryAttempts: 1, onFailure: { topic: 'dead' } });
  world.losesInvocations = true;
  await world.append(0, ['a', 'b']);
  return world;
}

test('a run delivers and commits, without a line of the log and without a metric', async () => {
  const world = await behind();
  const { run } = await dispatcherOf(world);
  await run();
  expect(offsetsOf(world)).toEqual([[0, 1]]);
  expect(await committedOf(world)).toBe(2);
  expect(entries()).toEqual([]);
});

test('failures, dead letters and late records are lines of the log and metrics', async () => {
  const world = await behind();
  await world.pass(120_000);
  world.answer = () => failure();
  await (await dispatcherOf(world)).run();
  expect(await committedOf(world)).toBe(2);
  const logged = entries();
  expect(logged.filter(({ message }) => message !== undefined)).toMatchObject([
    { level: 'WARN', message: 'PUSH_FAILED', outcome: 'failed', error: 'boom' },
    { level: 'WARN', message: 'PUSH_FAILED' },
    { level: 'ERROR', message: 'PUSH_TROUBLE', outcome: 'given up', records: 2 },
  ]);
  const [metrics] = logged.filter(({ message }) => message === undefined);
  expect(metrics).toMatchObject({ service: 'Test', PushFailures: [1, 1], PushDeadLetters: 2 });
  expect(Math.max(...metrics.PushLag)).toBeGreaterThanOrEqual(120_000);
});

test('a longer wait is a schedule, made with the ARN of the dispatcher itself', async () => {
  const world = await behind();
  world.answer = () => ({ kind: 'throttled', retryAfterMs: 90_000 });
  const { run, invoked } = await dispatcherOf(world);
  await run();
  expect(invoked).toEqual([{ by: 'arn:dispatcher', whenMs: expect.any(Number) }]);
  expect(invoked[0]!.whenMs).toBeGreaterThan(world.clock.now() + 80_000);
});

test('deliveries for which somebody waits have their outcome as a value, and errors keep their codes', async () => {
  const world = await behind();
  const { run } = await dispatcherOf(world);
  expect(resultOf((await run({ testInvoke: ref }))!)).toEqual({ kind: 'answered', answer: { kind: 'success' } });
  expect(resultOf((await run({ retry: ref }))!)).toEqual({ delivered: 0, skipped: 0, more: false });
  const missing = (await run({ retry: { topic: 't', groupId: 'nobody' } }))!;
  expect(JSON.parse(JSON.stringify(missing))).toMatchObject({ errorCode: 'SUBSCRIPTION_NOT_FOUND' });
  expect(() => resultOf(missing)).toThrow(expect.objectContaining({ errorCode: 'SUBSCRIPTION_NOT_FOUND' }));
});

test('the hourly net invokes for what no trigger has pushed, and counts what is paused', async () => {
  const world = await behind();
  const net = createPushNet(world.engine.dispatcher, world.engine.subscriptions, 'Test');
  const look = () => world.during(net({ getRemainingTimeInMillis: () => 300_000 }));
  world.losesInvocations = false;
  await look();
  await world.settle();
  expect(await committedOf(world)).toBe(2);
  expect(entries()).toMatchObject([{ message: 'PUSH_NOT_TRIGGERED', partitions: 1 }]);
  await look();
  expect(entries()).toHaveLength(1);
  await world.during(world.engine.subscriptions.pause({ ...ref, reason: 'a test' }));
  await look();
  expect(entries().slice(1)).toMatchObject([{ message: 'SUBSCRIPTION_PAUSED', reason: 'a test' }, { PushPaused: 1 }]);
});
