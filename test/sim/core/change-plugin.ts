// This plugin gives vitest a changed library. `lib/x.ts?change=…` is that file with the change, and so are the files
// between it and the changed one. Everything else is the real module, so that errors still have the same class.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Change, changed } from './change-source.ts';

export type ChangeOfFile = Change & { readonly file: string };

const root = path.resolve(import.meta.dirname, '../../..');
const marker = '?change=';
const relativeImport = /(?<=from ')\.[^']+(?=')/g;

export const changedModule = (file: string, { file: of, drop, turn, text }: ChangeOfFile): string =>
  path.join(root, file) + marker + Buffer.from(JSON.stringify({ file: of, drop, turn, text })).toString('base64url');

/** Vite asks this plugin first for the text of every module. */
export const changePlugin = {
  name: 'change',
  enforce: 'pre' as const,
  load(id: string): string | undefined {
    const [name, query] = id.split(marker);
    if (!query) return undefined;
    const change = JSON.parse(Buffer.from(query, 'base64url').toString()) as ChangeOfFile;
    const file = path.relative(root, name!);
    const source = readFileSync(name!, 'utf8');
    const importers = importersOf(change.file);
    return (file === change.file ? changed(source, change) : source).replace(relativeImport, (to) =>
      importers.has(path.join(path.dirname(file), to)) ? to + marker + query : to,
    );
  },
};

const known = new Map<string, ReadonlySet<string>>();

/** The file, and all files that import it, directly or indirectly. */
function importersOf(file: string): ReadonlySet<string> {
  const importers = new Set(known.get(file) ?? [file]);
  if (known.has(file)) return importers;
  for (const one of importers)
    for (const [candidate, targets] of imports()) if (targets.has(one)) importers.add(candidate);
  known.set(file, importers);
  return importers;
}

let allImports: ReadonlyMap<string, ReadonlySet<string>> | undefined;
const imports = () =>
  (allImports ??= new Map(globSync('lib/**/*.ts', { cwd: root }).map((one) => [one, importsOf(one)])));

const importsOf = (file: string): ReadonlySet<string> =>
  new Set(
    [...readFileSync(path.join(root, file), 'utf8').matchAll(relativeImport)].map(([to]) =>
      path.join(path.dirname(file), to),
    ),
  );
