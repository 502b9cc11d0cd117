// Style as a test: the direction of imports, no cycles, the length of functions and files, and what may not be touched
// where. Reads the source as text; what a rule means stands in CONTRIBUTING.md.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const folders = ['bench', 'bin', 'cdk', 'cli', 'emulator', 'examples', 'functions', 'lib', 'local', 'pack', 'test'];
const files = globSync(
  folders.map((folder) => `${folder}/**/*.ts`),
  { cwd: root },
).sort();
const source = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
const product = files.filter((file) => !file.startsWith('test/') && !file.startsWith('bench/'));

const importPattern = /^(?:import|export)\s([^;]*?)from\s+'(\.[^']+)'/gms;

/** `loaded`: only what is there at run time; a type is not. */
function importsOf(file: string, loaded = false): string[] {
  const found = [...source.get(file)!.matchAll(importPattern)]
    .filter(([, names]) => !loaded || !/^type\s/.test(names!))
    .map((match) => match[2]!)
    .filter((specifier) => specifier.endsWith('.ts'));
  return found.map((specifier) => path.posix.join(path.posix.dirname(file), specifier));
}

/** Which layer a file belongs to: the longest prefix wins. Arrows point to the same layer or to one below. */
const layers: readonly (readonly string[])[] = [
  [
    'lib/bytes/',
    'lib/runtime/cache.ts',
    'lib/runtime/clock.ts',
    'lib/runtime/concurrency.ts',
    'lib/api/errors.ts',
    'lib/api/limits.ts',
    'lib/runtime/loopback.ts',
    'lib/api/shapes.ts',
  ],
  ['lib/record/', 'lib/sigv4/', 'lib/storage/'],
  ['lib/producer/', 'lib/topic/', 'lib/log/', 'lib/group/', 'lib/api/engine.ts', 'lib/api/groups.ts', 'lib/client/'],
  ['lib/engine-context.ts', 'lib/log/log-engine.ts', 'lib/engine.ts', 'lib/upkeep/'],
  ['functions/'],
  ['local/'],
  ['cli/', 'cdk/'],
  ['emulator/'],
  ['examples/', 'bench/', 'pack/', 'bin/'],
  ['test/'],
];

function layerOf(file: string): number {
  const layer = layers.findIndex((prefixes) => prefixes.some((prefix) => file.startsWith(prefix)));
  if (layer < 0)
    throw new Error(`${file} belongs to no layer: name its place in test/tidy.test.ts and CONTRIBUTING.md`);
  return layer;
}

describe('imports', () => {
  test('point down only', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((to) => layerOf(to) > layerOf(file))
        .map((to) => `${file} -> ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the client knows nothing of the engine, and the engine nothing of the client', () => {
    const allowed = [
      'lib/client/',
      'lib/record/',
      'lib/bytes/',
      'lib/sigv4/',
      'lib/api/errors.ts',
      'lib/api/limits.ts',
      'lib/runtime/loopback.ts',
      'lib/runtime/clock.ts',
      'lib/api/shapes.ts',
    ];
    const engine = [
      'lib/log/',
      'lib/group/',
      'lib/topic/',
      'lib/producer/',
      'lib/storage/',
      'lib/engine-context.ts',
      'lib/log/log-engine.ts',
      'lib/engine.ts',
    ];
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((to) => {
          if (file.startsWith('lib/client/')) return !allowed.some((prefix) => to.startsWith(prefix));
          return engine.some((prefix) => file.startsWith(prefix)) && to.startsWith('lib/client/');
        })
        .map((to) => `${file} -> ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test('of the AWS SDK stand in lib/storage alone, but for credentials, and what deploys', () => {
    const wrong = product.filter(
      (file) =>
        !/^(lib\/storage|emulator)\//.test(file) && /from '@aws-sdk\/(?!credential-provider)/.test(source.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('make no cycles', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      if (done.has(file) || trail.includes(file) || !source.has(file)) return;
      for (const to of importsOf(file, true)) visit(to, [...trail, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

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
    const wrong = pure.filter(
      (file) => !file.startsWith('lib/client/') && /\b(setTimeout|setInterval)\(/.test(code(file)),
    );
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
