// The order of produce requests, link by link.
import { expect, test } from 'vitest';
import { createChains } from '../../kafka/produce/chain.ts';

/** Work that ends when the test says so. */
function step(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = async () => {
    log.push(`${name} begins`);
    await promise;
    return name;
  };
  return { work, end: resolve };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a link begins when the one before it has ended, and other chains go on', async () => {
  const { run } = createChains();
  const log: string[] = [];
  const [a, b, c] = [step(log, 'a'), step(log, 'b'), step(log, 'c')];
  const all = [run(['x'], a.work), run(['x', 'y'], b.work), run(['z'], c.work)];
  await settled();
  expect(log).toEqual(['a begins', 'c begins']);
  a.end();
  await settled();
  expect(log).toEqual(['a begins', 'c begins', 'b begins']);
  b.end();
  c.end();
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
});

test('work that throws ends its links, and the next begin', async () => {
  const { run } = createChains();
  const failing = run(['x'], async () => {
    throw new Error('a fault');
  });
  const next = run(['x'], async () => 'next');
  await expect(failing).rejects.toThrow('a fault');
  expect(await next).toBe('next');
});

test('a batch that was not written holds back the others of its epoch, until it is written', () => {
  const { isBehindBreak, note } = createChains();
  const failed = { epoch: 0, firstSequence: 5 };
  note('x', failed, true);
  expect(isBehindBreak('x', { epoch: 0, firstSequence: 7 })).toBe(true);
  expect(isBehindBreak('x', failed)).toBe(false);
  expect(isBehindBreak('x', { epoch: 0, firstSequence: 3 })).toBe(false);
  note('x', { epoch: 0, firstSequence: 3 }, false);
  expect(isBehindBreak('x', { epoch: 0, firstSequence: 7 })).toBe(true);
  expect(isBehindBreak('x', { epoch: 1, firstSequence: 0 })).toBe(false);
  expect(isBehindBreak('y', { epoch: 0, firstSequence: 7 })).toBe(false);
  note('x', failed, false);
  expect(isBehindBreak('x', { epoch: 0, firstSequence: 7 })).toBe(false);
});
