// Builds the console: static files below /console/, without inline script, so that a strict Content-Security-Policy holds.
// The SDK is built as in tools/pack/bundle-browser.ts: client/transport/browser.ts stands for everything that is Node's.
import path from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const transport = path.resolve(import.meta.dirname, '../client/transport');
const inBrowser = (file: string) => path.join(transport, file);

const withoutNode: Plugin = {
  name: 'without-node',
  enforce: 'pre',
  resolveId(source) {
    // The server of the console signs, so the page carries no code for that.
    if (/\/sigv4\/sign\.ts$/.test(source)) return path.resolve(import.meta.dirname, 'data/unsigned.ts');
    if (/^node:|\/node\.ts$|^@aws-sdk\//.test(source)) return inBrowser('browser.ts');
    return /\/sockets\.ts$/.test(source) ? inBrowser('fetch.ts') : undefined;
  },
};

const withBuffer = { inject: { Buffer: [inBrowser('browser-buffer.ts'), 'Buffer'] as [string, string] } };

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [withoutNode],
  define: { global: 'globalThis' },
  worker: { format: 'es', plugins: () => [withoutNode], rolldownOptions: { transform: withBuffer } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // The page carries the licences of the packages in it.
    license: { fileName: 'licences.md' },
    target: 'es2024',
    modulePreload: { polyfill: false },
    // An inlined asset would be a data: URL, which the policy refuses.
    assetsInlineLimit: 0,
    // Packages mark modules for server components, which are not used here.
    rolldownOptions: { transform: withBuffer, checks: { moduleLevelDirective: false } },
  },
});
