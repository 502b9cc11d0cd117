// The tests of the packed client share these: a project of their own, a service to talk to, and each Node to run on.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, inject, test } from 'vitest';
import type { HttpApi } from '../../http/http-event.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { openBackend } from '../../local/backend.ts';
import { startServer } from '../../local/server.ts';

export const root = path.resolve(import.meta.dirname, '../..');
const execute = promisify(execFile);

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rivulet-packages-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A fresh project of this type in the folder in which the archive is installed. */
export async function newProject(type: 'module' | 'commonjs'): Promise<string> {
  const folder = await mkdtemp(path.join(inject('installed'), `${type}-`));
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ name: 'somebody-elses', private: true, type }));
  return folder;
}

/** @returns what TypeScript says, a line each */
export async function typeScript(folder: string, ...options: readonly string[]): Promise<string[]> {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const args = ['--strict', '--target', 'es2022', '--pretty', 'false', ...options];
  const compiled = execute(process.execPath, [tsc, ...args], { cwd: folder });
  const { stdout } = await compiled.catch((error: { stdout: string }) => error);
  return stdout.split('\n').filter((line) => line !== '');
}

/** @returns the standard output; a process that ends by itself in another way than with 0 rejects. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await execute(command, args, { cwd, env: { ...process.env, ...env }, timeout: 110_000 })).stdout;
}

export type Service = { readonly url: string; readonly requests: readonly string[] };

/** `requests` has the method and path of each that came. */
export async function startService(): Promise<Service> {
  const backend = openBackend({ directory: path.join(await newFolder(), 'data') });
  const requests: string[] = [];
  const api: HttpApi = (event) => {
    requests.push(`${event.requestContext.http.method} ${event.rawPath}`);
    return backend.api(event);
  };
  const server = await startServer({ api, clock: systemClock });
  afterAll(async () => {
    await server.close();
    backend.close();
  });
  return { url: server.url, requests };
}

/** Makes a test for each Node. The name of a test that cannot run says why. */
export function onEachNode(name: string, story: (node: string, version: string) => Promise<void>): void {
  for (const [version, node] of Object.entries(inject('nodes')))
    if ('missing' in node) test.skip(`${name} on Node ${version}: ${node.missing}`, () => {});
    else test(`${name} on Node ${version}`, () => story(node.path, version));
}
