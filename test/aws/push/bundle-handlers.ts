// Bundles the handlers as a user of esbuild would.
import path from 'node:path';
import { build } from 'esbuild';

const names = ['middy', 'powertools', 'told'];

/** Writes `<outDir>/<name>/index.mjs` for each handler. */
export async function bundleHandlers(outDir: string): Promise<void> {
  const entry = (name: string) => ({ in: path.join(import.meta.dirname, `handlers/${name}.ts`), out: `${name}/index` });
  await build({
    ...{ entryPoints: names.map(entry), outdir: outDir, outExtension: { '.js': '.mjs' } },
    ...{ bundle: true, platform: 'node', target: 'node24', format: 'esm', logLevel: 'warning' },
    // Powertools loads them only for other formats than JSON.
    external: ['avro-js', 'protobufjs'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
}
