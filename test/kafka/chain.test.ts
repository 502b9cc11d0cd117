// The order of produce requests, link by link.
import { expect, test } from 'vitest';
import { createChains } from '../../kafka/produce/chain.ts';

/** Work that ends when the test says so. */
function step(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = async (before: Promise<void>) => {
    await before;
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

test('a link that fails early does not let the next one pass those before it', async () => {
  const { run } = createChains();
  const log: string[] = [];
  const [a, c] = [step(log, 'a'), step(log, 'c')];
  const first = run(['x'], a.work);
  const early = run(['x'], async () => {
    throw new Error('a fault');
  });
  early.catch(() => undefined);
  const third = run(['x'], c.work);
  await settled();
  expect(log).toEqual(['a begins']);
  a.end();
  c.end();
  await Promise.all([first, third]);
  await expect(early).rejects.toThrow('a fault');
  expect(log).toEqual(['a begins', 'c begins']);
});

test.each(['not written', 'in doubt'] as const)('a batch that is %s is remembered, until it is written', (end) => {
  const { breakBefore, note } = createChains();
  const failed = { epoch: 0, firstSequence: 5 };
  note('x', failed, end);
  expect(breakBefore('x', { epoch: 0, firstSequence: 7 })).toBe(end);
  expect(breakBefore('x', failed)).toBeUndefined();
  expect(breakBefore('x', { epoch: 0, firstSequence: 3 })).toBeUndefined();
  note('x', { epoch: 0, firstSequence: 3 }, 'written');
  note('x', { epoch: 0, firstSequence: 7 }, 'not written');
  expect(breakBefore('x', failed)).toBeUndefined();
  expect(breakBefore('x', { epoch: 0, firstSequence: 7 })).toBe(end);
  expect(breakBefore('x', { epoch: 1, firstSequence: 0 })).toBeUndefined();
  expect(breakBefore('y', { epoch: 0, firstSequence: 7 })).toBeUndefined();
  note('x', failed, 'written');
  expect(breakBefore('x', { epoch: 0, firstSequence: 7 })).toBeUndefined();
});
