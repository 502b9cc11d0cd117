// The globalSetup of vitest for these tests. It makes the package of the client, installs its archive into an empty project,
// and gets the Nodes on which the SDK must run.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { defaultCache, execute, installOnce } from '../../tools/emulator/install.ts';
import { packClient, projectWith, removeFolders } from '../tools/pack/packages.ts';

/** Each has its path, or the reason why it is missing. The newest is the Node that runs the tests. */
export type Nodes = Readonly<Record<string, { readonly path: string } | { readonly missing: string }>>;

declare module 'vitest' {
  interface ProvidedContext {
    nodes: Nodes;
    /** A project in which the client's archive is installed, without its optional packages. */
    installed: string;
  }
}

/** The oldest Node that the package names, and the newest of the line in between. */
const versions = ['20.19.0', '22.23.3'];

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cache = join(defaultCache(), '../nodes');
  const older = await Promise.all(versions.map(async (version) => [version, await found(cache, version)] as const));
  project.provide('nodes', { ...Object.fromEntries(older), [process.versions.node]: { path: process.execPath } });
  project.provide(
    'installed',
    await projectWith(await packClient(), ['@types/node', '@opentelemetry/api'], ['--omit=optional']),
  );
  return removeFolders;
}

async function found(cache: string, version: string): Promise<Nodes[string]> {
  try {
    return { path: await installNode(cache, version) };
  } catch (error) {
    const missing = `no Node ${version}: ${error instanceof Error ? error.message : String(error)}`;
    console.error(`\n!!! ${missing}\n!!! The tests on it are not run.\n`);
    return { missing };
  }
}

/** The npm package `node` gets the binary by its install script, as package.json's own optional package does. */
async function installNode(cache: string, version: string): Promise<string> {
  const binary = (folder: string) => join(folder, 'node_modules/node/bin/node');
  const folder = await installOnce(cache, `node-${version}`, [import.meta.filename], async (draft) => {
    const manifest = { private: true, dependencies: { node: version }, allowScripts: { node: true } };
    await writeFile(join(draft, 'package.json'), JSON.stringify(manifest));
    await execute('npm', ['install', '--no-audit', '--no-fund'], draft);
    await execute(binary(draft), ['--version'], draft);
  });
  return binary(folder);
}
