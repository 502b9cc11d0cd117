// Writes the licences of what a package carries inside its bundles. MIT, BSD and ISC ask for their text with each copy, and the
// Apache License also for the NOTICE of the work. NOTICE in our root names the same packages, and a test compares the two.
//
// Invariant: no package is in a bundle without its licence. If none can be found for one, `npm run pack` makes nothing.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';

type Carried = { readonly named: string; readonly licence: string; readonly own: string; readonly copyright: string };

/** They ask for nothing with a copy. */
const asksNothing: ReadonlySet<string> = new Set(['MIT-0', '0BSD']);

/** `root` is the folder to which the paths of the bundles are relative. */
export async function writeLicences(root: string, folder: string, bundles: readonly Metafile[]): Promise<void> {
  const folders = packageFolders(bundles).map((one) => path.join(root, one));
  const terms = withoutCopyright(await readFile(path.join(root, 'LICENSE'), 'utf8'));
  const carried = await Promise.all(folders.map(readPackage));
  const byText = Map.groupBy(carried, (one) => textOf(one, carried, terms));
  const parts = [...byText].map(([text, packages]) => `${packages.map(lineOf).join('\n')}\n\n${text}\n`);
  const head = 'The bundles in this package contain code of these packages, under these licences.\n';
  await writeFile(path.join(folder, 'THIRD-PARTY-LICENSES.txt'), [head, ...parts].join(`\n${'-'.repeat(80)}\n\n`));
}

const lineOf = ({ named, licence }: Carried): string => `${named} (${licence})`;
const withoutCopyright = (text: string): string => text.replace(/^Copyright .*\n\n?/m, '');

/** The folders of the packages whose code is in an output. A bundler reads others too, and leaves them out. */
function packageFolders(bundles: readonly Metafile[]): string[] {
  const outputs = bundles.flatMap((bundle) => Object.values(bundle.outputs));
  const files = outputs.flatMap(({ inputs }) => Object.keys(inputs).filter((file) => inputs[file]!.bytesInOutput > 0));
  const folders = files.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  return [...new Set(folders)].sort();
}

async function readPackage(folder: string): Promise<Carried> {
  const textIn = async (file: string) => (await readFile(path.join(folder, file), 'utf8')).replaceAll('\r', '').trim();
  const { name, version, license } = JSON.parse(await textIn('package.json'));
  const files = (await readdir(folder)).sort();
  const own = files.filter((file) => /^(licen[cs]e|copying|notice)([.-].*)?$/i.test(file));
  const readme = files.includes('README.md') ? await textIn('README.md') : '';
  return {
    ...{ named: `${name} ${version}`, licence: String(license) },
    own: (await Promise.all(own.map(textIn))).join('\n\n'),
    copyright: /Copyright (?:\(c\)|©).*$/im.exec(readme)?.[0] ?? '',
  };
}

/** Some packages have no file with their licence. Then the text of the same licence stands for it, with their copyright. */
function textOf({ named, licence, own, copyright }: Carried, others: readonly Carried[], mitTerms: string): string {
  if (own !== '') return own;
  if (asksNothing.has(licence)) return `The licence ${licence} asks for no notice.`;
  const apache = others.find((one) => one.licence === licence && one.own !== '')?.own;
  if (licence === 'Apache-2.0' && apache) return apache;
  if (licence === 'MIT' && copyright !== '') return `${copyright}\n\n${mitTerms.trim()}`;
  throw new Error(`${named} is in a bundle, and the text of its licence ${licence} was not found`);
}
