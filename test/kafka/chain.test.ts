// The order of produce requests, link by link.
import { expect, test } from 'vitest';
import { createChains } from '../../kafka/produce/chain.ts';

const none: ReadonlySet<string> = new Set();

/** Work that ends when the test says so. */
function step(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<ReadonlySet<string>>();
  const work = async (brokenBefore: ReadonlySet<string>) => {
    log.push(`${name} begins${brokenBefore.size > 0 ? ` after a break of ${[...brokenBefore]}` : ''}`);
    return { result: name, broken: await promise };
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
  a.end(none);
  await settled();
  expect(log).toEqual(['a begins', 'c begins', 'b begins']);
  b.end(none);
  c.end(none);
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
});

test('links that wait behind a broken one learn of it, and one that comes later does not', async () => {
  const { run } = createChains();
  const log: string[] = [];
  const [a, b, c, d] = [step(log, 'a'), step(log, 'b'), step(log, 'c'), step(log, 'd')];
  const waiting = [run(['x', 'y'], a.work), run(['x'], b.work), run(['y'], c.work)];
  a.end(new Set(['x']));
  b.end(none);
  c.end(none);
  await Promise.all(waiting);
  d.end(none);
  await run(['x'], d.work);
  expect(log.sort()).toEqual(['a begins', 'b begins after a break of x', 'c begins', 'd begins']);
});

test('work that throws ends its links, and the next begin', async () => {
  const { run } = createChains();
  const failing = run(['x'], async () => {
    throw new Error('a fault');
  });
  const next = run(['x'], async (broken) => ({ result: broken.size, broken }));
  await expect(failing).rejects.toThrow('a fault');
  expect(await next).toBe(0);
});
