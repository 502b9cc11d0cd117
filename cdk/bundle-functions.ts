// Makes the code of the Lambda functions: one file each, with everything in it, so that a cold start reads one file and
// what runs does not depend on the SDK that the runtime happens to have.
import path from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { functionNames } from '../functions/routes.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Writes `<outDir>/<name>/index.mjs` for each function; its handler is `index.handler`. */
export async function bundleFunctions(outDir: string): Promise<void> {
  await Promise.all(functionNames.map((name) => bundle(`functions/${name}.ts`, path.join(outDir, name, 'index.mjs'))));
}

/** `entry` is relative to the repository. */
export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({ ...options, entryPoints: [path.join(root, entry)], outfile });
}

const options: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  // The SDK's ESM build: smaller by a third than what `main` names.
  mainFields: ['module', 'main'],
  // Some of its packages are CommonJS and call `require` for Node's own modules, which an ES module does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  // A map is several times the code, and would be read on each cold start with source maps enabled. Names of functions are
  // lost in stacks; the causes that are logged say what was being done.
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
};
