// The library with one line changed: each guard of the append path is taken out in turn, to see that somebody notices.
// A mutant is made of the changed file and of those that import it, up to the engine; all else is the real thing, so
// that errors are still of the same class. Its files lie in .cache/mutants, which git ignores.
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createEngine } from '../../../lib/create-engine.ts';
import { retryingTable } from '../../../lib/storage/retry.ts';
import type { Mutant } from './mutant.ts';

/** What worlds use of the library. */
export type Lib = { readonly createEngine: typeof createEngine; readonly retryingTable: typeof retryingTable };

export const realLib: Lib = { createEngine, retryingTable };

const root = path.resolve(import.meta.dirname, '../../..');
const relativeImport = /(?<=from ')\.[^']+(?=')/g;

/** Throws when a mutant's text is not in its file exactly once: the file has changed, and the list must follow. */
export async function mutated(mutant: Pick<Mutant, 'name' | 'file' | 'find' | 'replace'>): Promise<Lib> {
  const source = readFileSync(path.join(root, mutant.file), 'utf8');
  const found = source.split(mutant.find).length - 1;
  if (found !== 1) throw new Error(`${mutant.name}: the text to replace is ${found} times in ${mutant.file}`);
  const changed = new Map([[mutant.file, source.replace(mutant.find, () => mutant.replace)]]);
  const copied = importersOf(mutant.file);
  const folder = path.join(root, '.cache/mutants', mutant.name.replace(/\W+/g, '-'));
  for (const file of copied) {
    const text = changed.get(file) ?? readFileSync(path.join(root, file), 'utf8');
    const copy = path.join(folder, file);
    mkdirSync(path.dirname(copy), { recursive: true });
    writeFileSync(
      copy,
      text.replace(relativeImport, (to) => pointed(to, file, copy, copied)),
    );
  }
  const load = async (file: string): Promise<Partial<Lib>> =>
    copied.has(file) ? ((await import(pathToFileURL(path.join(folder, file)).href)) as Partial<Lib>) : {};
  return { ...realLib, ...(await load('lib/storage/retry.ts')), ...(await load('lib/create-engine.ts')) };
}

/** An import among copies stays as it is; any other leads back to the real file. */
function pointed(to: string, file: string, copy: string, copied: ReadonlySet<string>): string {
  const target = path.join(path.dirname(file), to);
  return copied.has(target) ? to : path.relative(path.dirname(copy), path.join(root, target));
}

/** The file, and all that import it, directly or not. */
function importersOf(file: string): Set<string> {
  const folders = ['log', 'topic', 'producer', 'group', 'storage'].map((name) => `lib/${name}/*.ts`);
  const candidates = globSync([...folders, 'lib/*.ts'], { cwd: root });
  const imports = new Map(candidates.map((one) => [one, importsOf(one)]));
  const importers = new Set([file]);
  for (const one of importers) {
    for (const [candidate, targets] of imports) if (targets.includes(one)) importers.add(candidate);
  }
  return importers;
}

const importsOf = (file: string): string[] =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(relativeImport)].map(([to]) =>
    path.join(path.dirname(file), to),
  );
