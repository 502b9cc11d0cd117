// The README quotes code that is type-checked and run elsewhere. It must quote that code to the letter.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

test('each quoted example equals its file, to the letter', () => {
  const quoting = read('README.md') + read('docs/PUSH.md');
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
  'docs/RUNBOOK.md',
  'docs/DEPLOY.md',
])('the links of %s lead somewhere', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) =>
    path.join(root, path.dirname(file), to!),
  );
  expect(links.filter((link) => !existsSync(link))).toEqual([]);
});

test('each npm script that a document names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = ['README.md', 'CONTRIBUTING.md', 'docs/DEPLOY.md', 'docs/PUSH.md'].flatMap((file) =>
    [...read(file).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!),
  );
  expect(named.filter((name) => !scripts[name])).toEqual([]);
});
