// This leaves out of a bundle whatever a function would load at its start and never use. A cold start reads, compiles and
// runs all of a bundle.
//
// Invariant: a function never reaches the code that is left out, or an error says so.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

const builtins = new Set(builtinModules);

/**
 * esbuild looks at each own property of what was required, and then Node makes those that it makes when they are looked at:
 * worker_threads and standard error, for util. Inherited properties are only looked up by name.
 */
const withLazyExports = new Set(['util', 'fs']);

/**
 * An `import` of a module of Node asks for each of its exports, also for those that Node makes when they are asked for:
 * http's WebSocket loads all of fetch. `require` asks for none.
 */
const requiredModules: Plugin = {
  name: 'modules of Node are required',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z0-9_/]+$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '');
      return builtins.has(name) && kind === 'import-statement' ? { path: name, namespace: 'required' } : undefined;
    });
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: withLazyExports.has(path)
        ? `module.exports = Object.create(require('node:${path}'));`
        : `module.exports = require('node:${path}');`,
    }));
  },
};

const replacements: Readonly<Record<string, string>> = {
  // The SDK looks for its configuration files in this way, with its first request. Node's own module has far more to load.
  'node:fs/promises': `
    import { readFile as read } from 'node:fs';
    import { promisify } from 'node:util';
    export const readFile = promisify(read);`,
  // Lambda gives a function its credentials in the environment. The SDK's chain also reads files, and asks other services.
  '@aws-sdk/credential-provider-node': `export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';`,
  // Only operations with streams of events load it. Its dynamic import would keep whole all that it shares with the rest.
  '@smithy/core/event-streams': `throw new Error('this bundle has no event streams: see cdk/slim-bundle.ts');`,
};

const replacedModules: Plugin = {
  name: 'modules are replaced',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(@aws-sdk\/credential-provider-node|node:fs\/promises)$/ }, ({ path, resolveDir }) => ({
      ...{ path, namespace: 'replaced', pluginData: resolveDir },
    }));
    onResolve({ filter: /^@smithy\/core\/event-streams$/ }, ({ path, kind, resolveDir }) =>
      kind === 'dynamic-import' ? { path, namespace: 'replaced', pluginData: resolveDir } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path, pluginData }) => ({
      ...{ contents: replacements[path]!, resolveDir: pluginData as string },
    }));
  },
};

/**
 * The schemas of all operations of a service are constants of one module. esbuild keeps each one, because their computed
 * keys could have effects. Behind a call that is marked as pure, it drops those that no command of ours names.
 */
const droppedSchemas: Plugin = {
  name: 'unused schemas of the SDK are dropped',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-sdk.client-[a-z0-9]+.dist-es.schemas.schemas_0\.js$/ }, ({ path }) => ({
      contents: withSchemasBehindCalls(readFileSync(path, 'utf8')),
    }));
  },
};

export function withSchemasBehindCalls(source: string): string {
  const behindCalls = source.replace(
    /^export var (\S+) = (\[.*?\]);$/gms,
    'export var $1 = /* @__PURE__ */ (() => ($2))();',
  );
  if (behindCalls === source) throw new Error('no schema of the SDK has the form that cdk/slim-bundle.ts knows');
  return behindCalls;
}

export const slimBundle: Plugin[] = [replacedModules, requiredModules, droppedSchemas];
