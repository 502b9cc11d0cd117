// The embedded dispatcher over a real data directory: it hears of appends, takes up where a killed process stopped, and ends in order.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Delivery, PushBatch, PushTargets } from '../../lib/api/push.ts';
import { type Backend, openBackend } from '../../local/backend.ts';
import { eventually } from '../eventually.ts';
import { batchOf } from '../log/world.ts';

const folders: string[] = [];
const backends: Backend[] = [];

afterEach(async () => {
  for (const backend of backends.splice(0)) {
    await backend.endDeliveries();
    backend.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const success: Delivery = { kind: 'answered', answer: { kind: 'success' } };
const ref = { topic: 't', groupId: 'billing' };

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rivulet-push-'));
  folders.push(folder);
  return folder;
}

function open(directory: string, deliver: (batch: PushBatch, signal?: AbortSignal) => Promise<Delivery>): Backend {
  const targets: PushTargets = {
    check: async () => undefined,
    open: () => ({ deliver: (batch, { signal }) => deliver(batch, signal) }),
    bytesOf: () => 100,
    filter: () => () => true,
    sendToQueue: async () => undefined,
  };
  const backend = openBackend({ directory, targets });
  backends.push(backend);
  return backend;
}

const append = (backend: Backend, partition: number, values: string[]) =>
  backend.engine.append({ topic: 't', partitions: [{ partition, batches: batchOf(values) }] });

const subscribe = (backend: Backend, more = {}) =>
  backend.engine.subscriptions.create({
    ...ref,
    target: { url: 'http://127.0.0.1:1' },
    startingPosition: 'TRIM_HORIZON',
    ...more,
  });

const lagOf = async (backend: Backend) => (await backend.engine.subscriptions.get(ref)).lag;

test('an append is delivered, also to a partition that was added', async () => {
  const seen: string[] = [];
  const backend = open(newFolder(), async ({ partition, records }) => {
    for (const { offset } of records) seen.push(`${partition}/${offset}`);
    return success;
  });
  await backend.engine.createTopic({ topic: 't' });
  await append(backend, 0, ['before']);
  await subscribe(backend);
  await append(backend, 0, ['a', 'b']);
  await backend.engine.alterTopic({ topic: 't', partitions: 2 });
  await append(backend, 1, ['c']);
  await eventually(async () => expect(seen.toSorted()).toEqual(['0/0', '0/1', '0/2', '1/0']));
  await eventually(async () => expect(await lagOf(backend)).toBe(0));
});

test('a delivery that is cut off by a stop comes again after the start, without waiting for its lease', async () => {
  const directory = newFolder();
  let wasAborted = false;
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const first = open(directory, async (_batch, signal) => {
    begin();
    await new Promise<void>((resolve) => signal!.addEventListener('abort', () => resolve()));
    wasAborted = true;
    return { kind: 'failed', error: 'cut off' };
  });
  await first.engine.createTopic({ topic: 't' });
  await subscribe(first, { maximumRetryAttempts: 0 });
  await append(first, 0, ['a']);
  await begun;
  await first.endDeliveries();
  first.close();
  backends.pop();
  expect(wasAborted).toBe(true);
  const offsets: number[] = [];
  const second = open(directory, async ({ records }) => {
    offsets.push(...records.map(({ offset }) => offset));
    return success;
  });
  await eventually(async () => expect(offsets).toEqual([0]));
  await eventually(async () => expect(await lagOf(second)).toBe(0));
});

test('no more partitions are at work than the subscription allows', async () => {
  let atWork = 0;
  let most = 0;
  const backend = open(newFolder(), async () => {
    most = Math.max(most, ++atWork);
    await new Promise((resolve) => setTimeout(resolve, 20));
    atWork -= 1;
    return success;
  });
  await backend.engine.createTopic({ topic: 't', partitions: 12 });
  await subscribe(backend, { maximumConcurrency: 3 });
  await Promise.all(Array.from({ length: 12 }, (_, partition) => append(backend, partition, ['a'])));
  await eventually(async () => expect(await lagOf(backend)).toBe(0));
  expect(most).toBe(3);
});

const throttled: Delivery = { kind: 'throttled', retryAfterMs: 19_000 };

test.each([
  ['the subscription', {}],
  ['the service', { maximumConcurrency: 200 }],
])('partitions that wait after a failure leave the places of %s to the others', async (_, settings) => {
  const failing = 66;
  const waiting = new Set<number>();
  const backend = open(newFolder(), async ({ partition }) => {
    if (partition === failing) return success;
    waiting.add(partition);
    return throttled;
  });
  await backend.engine.createTopic({ topic: 't', partitions: failing + 1 });
  await subscribe(backend, settings);
  const begunMs = Date.now();
  await Promise.all(Array.from({ length: failing }, (_one, partition) => append(backend, partition, ['a'])));
  await eventually(() => expect(waiting.size).toBe(failing));
  await append(backend, failing, ['a']);
  await eventually(async () => expect(await lagOf(backend)).toBe(failing));
  // The first of them is tried again after 19 s.
  expect(Date.now() - begunMs).toBeLessThan(15_000);
  const stoppedMs = Date.now();
  await backend.endDeliveries();
  expect(Date.now() - stoppedMs).toBeLessThan(4_000);
});

test('a short wait after a failure ends when somebody wants the next try now', async () => {
  let tries = 0;
  const backend = open(newFolder(), async () => (++tries === 1 ? throttled : success));
  await backend.engine.createTopic({ topic: 't' });
  await subscribe(backend);
  const begunMs = Date.now();
  await append(backend, 0, ['a']);
  await eventually(() => expect(tries).toBe(1));
  // The first request may come before the wait has begun.
  await eventually(async () => expect((await backend.engine.subscriptions.retryNow(ref)).lag).toBe(0));
  expect(Date.now() - begunMs).toBeLessThan(15_000);
});
