// The command line from the package, as somebody has it who has installed one archive.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { newFolder, onEachNode, run } from './project.ts';

const project = inject('installed');
const services: ChildProcess[] = [];
afterAll(() => {
  for (const service of services) service.kill('SIGKILL');
});

test('npx rivulet --version says which version it is', async () => {
  expect((await run('npx', ['--no', '--', 'rivulet', '--version'], project)).trim()).toBe(packageJson.version);
});

test('rivulet serves, writes and reads', async () => {
  const cli = 'node_modules/.bin/rivulet';
  const env = { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
  const args = ['serve', '--port', '0', '--no-kafka', '--data', path.join(await newFolder(), 'data')];
  const service = spawn(cli, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
  services.push(service);
  const url = await addressFrom(service);
  const rivulet = (...words: string[]) =>
    run(cli, words, project, { ...env, RIVULET_URL: url } as Record<string, string>);
  await rivulet('topics', 'create', 'orders');
  await rivulet('produce', 'orders', '--file', 'package.json');
  const read = await rivulet('consume', 'orders', '--from-beginning', '--until', 'latest');
  expect(JSON.parse(read)).toMatchObject({ name: 'somebody-elses' });
  service.kill('SIGTERM');
  expect(await once(service, 'exit')).toEqual([0, null]);
});

async function addressFrom(service: ChildProcess): Promise<string> {
  let told = '';
  for await (const chunk of service.stdout!) {
    told += chunk;
    const url = /listens on (\S+)/.exec(told)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`rivulet serve ended: ${told}`);
}

const launcher = 'node_modules/rivulet/bin/rivulet.cjs';
const isOld = (version: string) => Number.parseInt(version, 10) < 24;

onEachNode(
  'an older Node says in one sentence what is missing, and runs by the optional package,',
  async (node, version) => {
    const ran = () => run(node, [launcher, '--version'], project);
    if (isOld(version)) {
      await expect(ran()).rejects.toThrow(/rivulet: expected Node 24 or newer, got v2\d.*install it/);
      // npm would fetch this Node, which we have already.
      const bin = path.join(project, 'node_modules/node/bin');
      await mkdir(bin, { recursive: true });
      await symlink(process.execPath, path.join(bin, 'node'));
    }
    expect((await ran()).trim()).toBe(packageJson.version);
    await rm(path.join(project, 'node_modules/node'), { recursive: true, force: true });
  },
);
