import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createGate, createGates, createTurns, inParallel } from '../../lib/runtime/concurrency.ts';

const items = Array.from({ length: 100 }, (_, i) => i);

test('results come in the order of the items, and no more than the limit are at work', async () => {
  let working = 0;
  let most = 0;
  const results = await inParallel(items, 7, async (item) => {
    most = Math.max(most, ++working);
    await pause(item % 3);
    working--;
    return item * 2;
  });
  expect(results).toEqual(items.map((item) => item * 2));
  expect(most).toBe(7);
});

test('after an error no further item is begun', async () => {
  let begun = 0;
  const failing = inParallel(items, 4, async (item) => {
    begun++;
    await pause(1);
    if (item === 2) throw new Error('the third');
  });
  await expect(failing).rejects.toThrow('the third');
  await pause(20);
  expect(begun).toBeLessThanOrEqual(8);
});

test('a gate lets a fixed number in, and the next one enters when another leaves, also by an error', async () => {
  const gate = createGate(2);
  const order: number[] = [];
  const works = [0, 1, 2, 3].map((i) =>
    gate.run(async () => {
      order.push(i);
      await pause(5);
      if (i === 0) throw new Error('the first');
    }),
  );
  expect(order).toEqual([0, 1]);
  await Promise.allSettled(works);
  expect(order).toEqual([0, 1, 2, 3]);
  await gate.run(async () => void order.push(4));
  expect(order).toHaveLength(5);
});

test('a gate lets no work in whose signal is aborted, and may refuse those that would wait', async () => {
  const gate = createGate(1, (waiting) => {
    if (waiting === 1) throw new Error('full');
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const atWork = gate.run(() => promise);
  const left = new AbortController();
  const waiting = gate.run(async () => 'late', left.signal);
  await expect(gate.run(async () => 'later')).rejects.toThrow('full');
  left.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await expect(gate.run(async () => 'never', left.signal)).rejects.toThrow('gone');
  const next = gate.run(async () => 'next');
  resolve();
  await atWork;
  expect(await next).toBe('next');
});

test('turns run a fixed number now, and the others in their order in the next turns of the event loop', async () => {
  const turn = createTurns(2);
  const done: number[] = [];
  const next = () => new Promise((resolve) => setImmediate(resolve));
  for (const i of [0, 1, 2, 3, 4]) turn(() => void done.push(i));
  expect(done).toEqual([0, 1]);
  await next();
  expect(done).toEqual([0, 1, 2, 3]);
  turn(() => void done.push(5));
  await next();
  expect(done).toEqual([0, 1, 2, 3, 4, 5]);
});

test('gates of different names do not wait for each other, and each lets its number in, in order', async () => {
  const gates = createGates(2);
  const order: string[] = [];
  const leave = Promise.withResolvers<void>();
  const enter = (name: string, i: number) =>
    gates.run(name, async () => {
      order.push(`${name}${i}`);
      await leave.promise;
    });
  const works = [0, 1, 2, 3].flatMap((i) => [enter('a', i), enter('b', i)]);
  await pause(1);
  expect(order).toEqual(['a0', 'b0', 'a1', 'b1']);
  leave.resolve();
  await Promise.all(works);
  expect(order.slice(4)).toEqual(['a2', 'b2', 'a3', 'b3']);
});
