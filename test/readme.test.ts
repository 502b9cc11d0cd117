// The documents quote code that is type-checked and run elsewhere. They must quote that code to the letter.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

test('each quoted example equals its file, to the letter', () => {
  const quoting = read('README.md') + read('docs/PUSH.md') + read('docs/SDK-GUIDE.md');
  const quotes = [...quoting.matchAll(/<!-- (\S+) -->\n```ts\n(.*?)```/gs)];
  expect(quotes.map(([, file]) => file)).toContain('examples/quickstart.ts');
  for (const [, file, text] of quotes) expect(text).toBe(read(file!));
});

test.each([
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/ARCHITECTURE.md',
  'docs/PROTOCOL.md',
  'docs/CHECKING.md',
  'docs/GUARANTEES.md',
  'docs/KAFKA.md',
  'docs/PUSH.md',
  'docs/CONSOLE.md',
  'docs/METRICS.md',
  'docs/SDK.md',
  'docs/SDK-GUIDE.md',
  'docs/CLI.md',
  'docs/RUNBOOK.md',
  'docs/DEPLOY.md',
])('the links of %s lead somewhere', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) =>
    path.join(root, path.dirname(file), to!),
  );
  expect(links.filter((link) => !existsSync(link))).toEqual([]);
});

test('package.json says which version this is, and its lock and the changelog say the same', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const lock = JSON.parse(read('package-lock.json')) as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  const [, changelog] = /^## (\S+)/m.exec(read('CHANGELOG.md'))!;
  expect([lock.version, lock.packages['']!.version, changelog]).toEqual([version, version, version]);
});

test('each npm script that a document names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = ['README.md', 'CONTRIBUTING.md', 'docs/DEPLOY.md', 'docs/PUSH.md'].flatMap((file) =>
    [...read(file).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!),
  );
  expect(named.filter((name) => !scripts[name])).toEqual([]);
});
