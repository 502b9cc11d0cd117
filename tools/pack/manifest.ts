// Writes the package.json of a package. Its dependencies are the packages that its code imports, at our own versions.
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

type Manifest = {
  readonly root: string;
  readonly folder: string;
  readonly name: string;
  readonly description: string;
  /** The files behind each name that is imported, relative to the folder. */
  readonly entries: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  /** Packages without which the package still works; our optional dependencies. */
  readonly optional?: readonly string[];
  /** The packages that the user's project has already, in a version that may be newer. */
  readonly peers: readonly string[];
  /** Packages that only those entries import which a user asks for by name. */
  readonly optionalPeers?: readonly string[];
  /** Bundlers for browsers take this file in place of the entry `.`. */
  readonly browser?: string;
};

type PackageJson = {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
};

export async function writeManifest(wanted: Manifest): Promise<void> {
  const { root, folder, name, description, entries, bin, optional = [], peers, optionalPeers = [], browser } = wanted;
  const own: PackageJson = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  // An example in a comment imports the package itself.
  const needed = (await importsBelow(folder)).filter((it) => it !== name);
  const versions = (names: readonly string[], range: string) =>
    Object.fromEntries(names.map((it) => [it, `${range}${versionOf(it, own)}`]));
  const isOptional = (it: string): boolean => optional.includes(it);
  const manifest = {
    name,
    version: own.version,
    description,
    license: own.license,
    type: 'module',
    engines: { node: '>=20.19' },
    exports: Object.fromEntries(
      Object.entries(entries).map(([imported, file]) => [
        imported,
        exportOf(file, imported === '.' ? browser : undefined),
      ]),
    ),
    ...(bin && { bin }),
    dependencies: versions(
      needed.filter((it) => ![...peers, ...optionalPeers].includes(it) && !isOptional(it)),
      '',
    ),
    optionalDependencies: versions(optional, ''),
    peerDependencies: versions([...peers, ...optionalPeers], '^'),
    peerDependenciesMeta: Object.fromEntries(optionalPeers.map((it) => [it, { optional: true }])),
  };
  await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const file of ['LICENSE', 'NOTICE']) await copyFile(path.join(root, file), path.join(folder, file));
  await copyFile(path.join(root, 'tools/pack', `${name}.md`), path.join(folder, 'README.md'));
}

const exportOf = (file: string, browser?: string) => ({
  types: `./${file.replace(/\.js$/, '.d.ts')}`,
  ...(browser && { browser: `./${browser}` }),
  default: `./${file}`,
});

/** Our tests have the packages that users must have themselves. */
function versionOf(name: string, { dependencies, optionalDependencies, devDependencies }: PackageJson): string {
  const version = dependencies[name] ?? optionalDependencies[name] ?? devDependencies[name];
  if (version === undefined) throw new Error(`the packed code imports ${name}, which package.json does not list`);
  return version;
}

/** The packages that the JavaScript and the declarations below a folder import, sorted. Bundles import none. */
async function importsBelow(folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => /\.(js|d\.ts)$/.test(file));
  const sources = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
  const found = sources.flatMap((source) => [
    ...source.matchAll(/(?:from |import\(|require\(|^import )['"]([^'".][^'"]*)['"]/gm),
  ]);
  const packages = found.map(([, specifier]) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier!)![0]);
  return [...new Set(packages.filter((it) => !it.startsWith('node:')))].sort();
}
