// Makes the code of the Lambda functions: one file for each, with all dependencies in it. A cold start then reads one file,
// and a function does not depend on the version of the AWS SDK that the runtime happens to have.
import path from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { functionNames } from '../functions/routes.ts';
import { slimBundle } from './slim-bundle.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Writes `<outDir>/<name>/index.mjs` for each function. The handler is `index.handler`. @returns what is in each. */
export function bundleFunctions(outDir: string): Promise<Metafile[]> {
  return Promise.all(functionNames.map((name) => bundle(`functions/${name}.ts`, path.join(outDir, name, 'index.mjs'))));
}

/** Writes what the Kafka gateway runs: `<outDir>/kafka-gateway/index.mjs`, and what starts it in its container. */
export async function bundleKafkaGateway(outDir: string): Promise<Metafile[]> {
  const entries = { 'kafka-gateway': 'cli/main.ts', 'kafka-bootstrap': 'cdk/kafka-bootstrap.ts' };
  // CloudFormation would take a template literal of the bootstrap for a parameter of its own.
  const supported = { 'template-literal': false };
  // A container gets its credentials from where the functions of a deployment never look.
  const bundled = Object.entries(entries).map(([name, entry]) =>
    build({
      ...options,
      plugins: [],
      supported,
      entryPoints: [path.join(root, entry)],
      outfile: path.join(outDir, name, 'index.mjs'),
    }),
  );
  return (await Promise.all(bundled)).map(({ metafile }) => metafile);
}

/** `entry` is a path relative to the root of the repository. */
export async function bundle(entry: string, outfile: string): Promise<Metafile> {
  const { metafile } = await build({ ...options, entryPoints: [path.join(root, entry)], outfile });
  return metafile;
}

const options = {
  absWorkingDir: root,
  metafile: true,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  plugins: slimBundle,
  // The SDK asks whether a body is a stream of the web. Ours never are, and Node would load those streams to answer.
  define: { ReadableStream: 'undefined' },
  // This selects the SDK's ESM build, which is smaller by a third than the build that `main` names.
  mainFields: ['module', 'main'],
  // Some packages of the SDK are CommonJS and call `require` for Node's own modules. An ES module has no `require`.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  // A source map is several times as large as the code, and each cold start would read it. Without it, stack traces lose
  // the names of functions; the logged causes still say what was being done.
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;
