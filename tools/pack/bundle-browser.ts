// Builds the SDK for browsers: one file without imports, in which client/transport/browser.ts stands for everything that is
// Node's, and fetch for its sockets.
import path from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const transport = path.resolve(import.meta.dirname, '../../client/transport');
const inBrowser = (file: string) => path.join(transport, file);

const withoutNode: Plugin = {
  name: 'without-node',
  setup({ onResolve }) {
    // The WebAssembly of CRC-32C is more than a kilobyte, and a page may forbid it.
    onResolve({ filter: /\/crc32c-simd\.ts$/ }, () => ({ path: inBrowser('browser.ts') }));
    onResolve({ filter: /^node:|\/node\.ts$|^@aws-sdk\// }, () => ({ path: inBrowser('browser.ts') }));
    onResolve({ filter: /\/sockets\.ts$/ }, () => ({ path: inBrowser('fetch.ts') }));
  },
};

/** @returns what is in it */
export async function bundleForBrowser(outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [path.resolve(transport, '../rivulet.ts')],
    outfile,
    absWorkingDir: path.resolve(transport, '../..'),
    metafile: true,
    bundle: true,
    minify: true,
    // The licences stand beside it, in a file of their own.
    legalComments: 'external',
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    plugins: [withoutNode],
    inject: [inBrowser('browser-buffer.ts')],
    define: { global: 'globalThis' },
  });
  return metafile;
}
