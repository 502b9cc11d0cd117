// The built page: its size, and what it may not hold. It needs no browser.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { builtConsole } from '../../local/console/build.ts';
import { isFilterWorker } from '../../local/console/page-headers.ts';

const mostBytes = 150_000;
const mostBytesInAll = 250_000;
let files: ReadonlyMap<string, Buffer>;

beforeAll(async () => {
  const folder = await builtConsole();
  const names = readdirSync(folder, { recursive: true }) as string[];
  files = new Map(
    names.flatMap((name) => (/\.\w+$/.test(name) ? [[name, readFileSync(path.join(folder, name))] as const] : [])),
  );
});

/** The files that a chunk needs before it runs. The files that it loads later stand in `import(...)`. */
function neededBy(name: string, into = new Set<string>()): Set<string> {
  if (into.has(name)) return into;
  into.add(name);
  const text = files.get(name)!.toString();
  for (const [, file] of text.matchAll(/(?:from|import) ?["'`]\.\/([\w.-]+\.js)["'`]/g))
    neededBy(`assets/${file}`, into);
  return into;
}

const packed = (names: Iterable<string>): number =>
  [...names].reduce((sum, name) => sum + gzipSync(files.get(name)!).length, 0);

test('the first page has at most 150 kB packed, and all pages with charts and codecs at most 250 kB', () => {
  const first = [...files.keys()].filter((name) => /index|overview/.test(name));
  const needed = new Set(first.flatMap((name) => (name.endsWith('.js') ? [...neededBy(name)] : [name])));
  expect(needed.size).toBeGreaterThan(first.length);
  expect(packed(needed)).toBeLessThanOrEqual(mostBytes);
  // No page loads the licences.
  const loaded = [...files.keys()].filter((name) => !name.endsWith('.md'));
  expect(packed(loaded)).toBeLessThanOrEqual(mostBytesInAll);
});

test('it has the worker under the name that gets a policy of its own, and no inline script', () => {
  expect([...files.keys()].filter(isFilterWorker).length).toBe(1);
  const page = files.get('index.html')!.toString();
  expect(page).not.toMatch(/<script(?![^>]* src=)|\son\w+=|<style/);
  expect(page).not.toMatch(/(src|href)="(?!\/console\/|data:)/);
});
