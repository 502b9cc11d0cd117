// This test holds the rules of style: the direction of imports, no cycles, the length of functions and files, and what
// may not be used where. It reads the source as text. CONTRIBUTING.md explains each rule.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const folders = [
  'bin',
  'cdk',
  'cli',
  'client',
  'console',
  'examples',
  'functions',
  'http',
  'kafka',
  'lib',
  'local',
  'test',
  'tools',
];
const files = globSync(
  folders.map((folder) => `${folder}/**/*.{ts,tsx}`),
  { cwd: root, exclude: ['console/dist/**'] },
).sort();
const source = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
const product = files.filter((file) => !file.startsWith('test/'));

const importPattern = /^(?:import|export)\s([^;]*?)from\s+'(\.[^']+)'/gms;

/** Imports of types count too, because what must be understood together belongs together. */
function importsOf(file: string): string[] {
  return [...source.get(file)!.matchAll(importPattern)]
    .map((match) => match[2]!)
    .filter((specifier) => /\.tsx?$/.test(specifier))
    .map((specifier) => path.posix.join(path.posix.dirname(file), specifier));
}

const allImports = files.flatMap((from) => importsOf(from).map((to) => ({ from, to })));
const arrow = ({ from, to }: { from: string; to: string }) => `${from} -> ${to}`;
const isIn = (prefixes: readonly string[]) => (file: string) => prefixes.some((prefix) => file.startsWith(prefix));

/** The floors of the building, from the ground up. A file may import from its own floor and from those below. */
const floors: readonly (readonly string[])[] = [
  ['lib/api/', 'lib/bytes/', 'lib/runtime/'],
  ['lib/json/', 'lib/record/', 'lib/sigv4/'],
  ['lib/storage/'],
  ['lib/producer/'],
  ['lib/partition/'],
  ['lib/topic/'],
  ['lib/log/'],
  ['lib/group/'],
  ['lib/push/', 'lib/transaction/'],
  ['lib/engine.ts', 'lib/maintenance/'],
  ['client/', 'http/', 'kafka/'],
  ['functions/', 'local/'],
  ['cdk/', 'cli/', 'console/'],
  ['bin/', 'examples/', 'tools/'],
  ['test/'],
];

function floorOf(file: string): number {
  const floor = floors.findIndex((prefixes) => isIn(prefixes)(file));
  if (floor < 0) throw new Error(`${file} has no floor: name its place in test/tidy.test.ts and CONTRIBUTING.md`);
  return floor;
}

describe('imports', () => {
  test('point down only', () => {
    expect(allImports.filter(({ from, to }) => floorOf(to) > floorOf(from)).map(arrow)).toEqual([]);
  });

  test('of the client point only at what the wire format needs, and nothing in the service imports the client', () => {
    const allowed = isIn(['client/', 'lib/api/', 'lib/bytes/', 'lib/record/', 'lib/runtime/', 'lib/sigv4/']);
    const service = isIn(['lib/', 'http/', 'functions/', 'local/', 'cdk/']);
    const wrong = allImports.filter(({ from, to }) =>
      from.startsWith('client/') ? !allowed(to) : service(from) && to.startsWith('client/'),
    );
    expect(wrong.map(arrow)).toEqual([]);
  });

  test('of the client from Node are in one file, which a build for browsers replaces', () => {
    const fromNode = product.filter((file) => file.startsWith('client/') && /from 'node:/.test(source.get(file)!));
    expect(fromNode).toEqual(['client/transport/node.ts']);
  });

  test('of the HTTP API point only at what callers see, and at no rule of the log', () => {
    const rules = isIn(['lib/producer/', 'lib/partition/', 'lib/topic/', 'lib/log/', 'lib/group/', 'lib/engine.ts']);
    expect(allImports.filter(({ from, to }) => from.startsWith('http/') && rules(to)).map(arrow)).toEqual([]);
  });

  test('of the Kafka listener point at nothing of HTTP, and only this machine and its command line import it', () => {
    const isKafka = isIn(['kafka/']);
    const mayImport = isIn(['kafka/', 'local/', 'cli/', 'tools/', 'test/']);
    const wrong = allImports.filter(({ from, to }) =>
      isKafka(from) ? isIn(['http/'])(to) : isKafka(to) && !mayImport(from),
    );
    expect(wrong.map(arrow)).toEqual([]);
  });

  test('of the AWS SDK stay in one folder, except for credentials and for deployment tools', () => {
    const wrong = product.filter(
      (file) =>
        !isIn(['lib/storage/aws/', 'tools/'])(file) &&
        /from '@aws-sdk\/(?!credential-provider)/.test(source.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('make no cycles: neither among the files of a folder, nor among its folders, nor between the two', () => {
    expect(cyclesOf(entryImports(allImports.filter(({ from }) => !from.startsWith('test/'))))).toEqual([]);
  });
});

/** The imports as arrows between two entries of one folder, the deepest that holds both ends. */
function entryImports(imports: readonly { from: string; to: string }[]): Map<string, Set<string>> {
  const arrows = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [here, there] = [from.split('/'), to.split('/')];
    const split = here.findIndex((part, i) => part !== there[i]);
    const entry = (parts: string[]) => parts.slice(0, split + 1).join('/');
    if (entry(here) === entry(there)) continue;
    const known = arrows.get(entry(here));
    if (known) known.add(entry(there));
    else arrows.set(entry(here), new Set([entry(there)]));
  }
  return arrows;
}

function cyclesOf(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (entry: string, trail: readonly string[]): void => {
    if (trail.includes(entry)) cycles.push([...trail.slice(trail.indexOf(entry)), entry].join(' -> '));
    if (done.has(entry) || trail.includes(entry)) return;
    for (const to of arrows.get(entry) ?? []) visit(to, [...trail, entry]);
    done.add(entry);
  };
  for (const entry of arrows.keys()) visit(entry, []);
  return cycles;
}

/** Lengths in lines of the functions of a file that Biome has formatted: a header line, a body, a closing brace at its indent. */
function functionLengths(file: string): { name: string; lines: number }[] {
  const lines = source.get(file)!.split('\n');
  const header =
    /^(\s*)(?:export )?(?:default )?(?:async )?(?:function\*? ?(\w+)|(?:const|let) (\w+) = (?:async )?(?:<.*>)?\(.*|(?:(?:private|public|static|readonly|override|get|set|async) |#)*\*?(\w+)\(.*)/;
  const found: { name: string; lines: number }[] = [];
  for (const [i, line] of lines.entries()) {
    const match = header.exec(line);
    const name = match?.[2] ?? match?.[3] ?? match?.[4];
    if (!match || !name || /^(if|for|while|switch|return|catch|describe|test|expect)$/.test(name)) continue;
    if (!/[{(]$/.test(line)) continue;
    const end = lines.findIndex((other, j) => j > i && new RegExp(`^${match[1]}\\}`).test(other));
    if (end > i) found.push({ name: `${file}:${i + 1} ${name}`, lines: end - i + 1 });
  }
  return found;
}

describe('size', () => {
  const all = product.flatMap(functionLengths);

  test('no function is above 70 lines, and nine in ten are within 25', () => {
    expect(all.length).toBeGreaterThan(300);
    expect(all.filter(({ lines }) => lines > 70)).toEqual([]);
    const lengths = all.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length * 0.9)]).toBeLessThanOrEqual(25);
  });

  test('no file of the product is above 400 lines', () => {
    expect(product.filter((file) => source.get(file)!.split('\n').length > 401)).toEqual([]);
  });
});

describe('the engine', () => {
  const pure = product.filter((file) => file.startsWith('lib/') && file !== 'lib/runtime/clock.ts');

  test('reads time, chance and environment only where they are injected', () => {
    const wrong = pure.filter((file) =>
      /\b(Date\.now|Math\.random|new Date\(\)|process\.env|performance\.now)\b/.test(code(file)),
    );
    expect(wrong).toEqual([]);
  });

  test('waits only by the clock', () => {
    const wrong = pure.filter((file) => !file.startsWith('client/') && /\b(setTimeout|setInterval)\(/.test(code(file)));
    expect(wrong).toEqual([]);
  });
});

/** The source without its comments. */
const code = (file: string) => source.get(file)!.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

describe('files', () => {
  test('have names that say something', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/.test(file))).toEqual([]);
  });

  test('open with a few words on what they are', () => {
    expect(product.filter((file) => !/^(#!.*\n)?\/[/*]/.test(source.get(file)!))).toEqual([]);
  });

  test('do not focus, leave for later, or silence the types', () => {
    const silenced = /@ts-(ignore|expect-error|nocheck)|\b(it|test|describe)\.(only|todo)\b/;
    expect(files.filter((file) => file !== 'test/tidy.test.ts' && silenced.test(code(file)))).toEqual([]);
  });

  test('the lock file holds no addresses', () => {
    expect(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).not.toMatch(
      /"resolved"|https?:\/\/(?!(opencollective|github|www|tidelift|paypal|ko-fi|patreon|dotenvx|feross|polar|buymeacoffee|liberapay))/,
    );
  });
});

describe('comments and documents', () => {
  const documents = globSync(['*.md', '{docs,examples,tools}/**/*.md'], { cwd: root }).sort();
  const linesThat = (isWrong: (line: string, file: string) => boolean, where: readonly string[]): string[] =>
    where.flatMap((file) =>
      readFileSync(path.join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, i) => (isWrong(line, file) ? [`${file}:${i + 1} ${line.trim()}`] : [])),
    );

  /** A sentence that begins with one of these words mostly has lost its subject, or puts it last. A question may do so. */
  test('begin a sentence with its subject', () => {
    const bare = /(?:^[-*>| ]*|[.!?|] )(?:Who|Whoever|Whose|What|Of|By(?! default)|Nobody) [a-z]/;
    const question = /(?:What|Who|Whose) [^.]*\?/;
    const comment = /^\s*(?:\/\/|\/?\*)(.*)|\s\/\/ (.*)/;
    const textOf = (line: string) => comment.exec(line)?.slice(1).join('') ?? '';
    const found = linesThat(
      (line, file) => bare.test(file.endsWith('.md') ? line : textOf(line)) && !question.test(line),
      [...files, ...documents],
    );
    expect(found).toEqual([]);
  });

  test('name no address of a package registry, and neither does the product', () => {
    const registry =
      /\b(npmjs\.(com|org)|yarnpkg\.com|pypi\.org|pythonhosted\.org|repo1?\.maven|crates\.io|proxy\.golang)/;
    expect(
      linesThat((line) => registry.test(line), [...product, ...documents, 'package.json', 'package-lock.json']),
    ).toEqual([]);
  });
});
