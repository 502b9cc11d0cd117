// Bundles the handlers as a user of esbuild would.
import path from 'node:path';
import { build } from 'esbuild';

/** Writes `<outDir>/<name>/index.mjs` for each handler. */
export async function bundleHandlers(outDir: string): Promise<void> {
  await Promise.all(['middy', 'powertools', 'told'].map((name) => bundleHandler(name, path.join(outDir, name))));
}

async function bundleHandler(name: string, outdir: string): Promise<void> {
  await build({
    ...{ entryPoints: [{ in: path.join(import.meta.dirname, `handlers/${name}.ts`), out: 'index' }], outdir },
    ...{ bundle: true, platform: 'node', target: 'node24', format: 'esm', logLevel: 'warning' },
    outExtension: { '.js': '.mjs' },
    // Powertools imports these when it reads other formats than JSON. Parts of the bundle then keep the imports apart.
    external: ['avro-js', 'protobufjs'],
    splitting: true,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
}
