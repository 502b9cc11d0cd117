// The packages as `npm run pack` makes them, installed into empty projects as a user has them.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../../..');
const execute = promisify(execFile);

const folders: string[] = [];

async function newFolder(name: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), name));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
}

/** @returns the folder with `client` and `cdk` in it */
export async function packAll(...options: readonly string[]): Promise<string> {
  const folder = await newFolder('rivulet-pack-');
  await execute(process.execPath, [path.join(root, 'tools/pack/main.ts'), folder, ...options]);
  return folder;
}

/** @returns the folder of the package */
export const packClient = async (): Promise<string> => path.join(await packAll('--only', 'client'), 'client');

/**
 * Makes an empty project with the package in it, which npm installs from its archive. Peers, which a user's project has
 * anyway, are linked from here instead of being fetched again.
 */
export async function projectWith(
  packed: string,
  peers: readonly string[],
  options: readonly string[] = [],
): Promise<string> {
  const folder = await newFolder('rivulet-project-');
  await writeFile(path.join(folder, 'package.json'), '{"name": "somebody-elses", "private": true}');
  const { stdout } = await execute('npm', ['pack', packed, '--json', '--pack-destination', folder]);
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const install = ['install', '--prefer-offline', '--legacy-peer-deps', ...options];
  await execute('npm', [...install, `./${filename}`], { cwd: folder });
  for (const peer of peers) {
    const link = path.join(folder, 'node_modules', peer);
    // Another package may have brought it.
    if (existsSync(link)) continue;
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(path.join(root, 'node_modules', peer), link);
  }
  return folder;
}

/** Runs a program of the project, with our `node`. @returns the output of the program */
export async function runIn(
  folder: string,
  file: string,
  source: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  await writeFile(path.join(folder, file), source);
  const { stdout } = await execute(process.execPath, [file], { cwd: folder, env: { ...process.env, ...env } });
  return stdout;
}

/** @returns the errors that the compiler finds, a line each */
export async function typeErrors(folder: string, source: string): Promise<string[]> {
  await writeFile(path.join(folder, 'check.ts'), source);
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const types = ['--typeRoots', path.join(root, 'node_modules/@types'), '--types', 'node'];
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck'];
  const checked = execute(process.execPath, [tsc, ...options, ...types, '--pretty', 'false', 'check.ts'], {
    cwd: folder,
  });
  const { stdout } = await checked.catch((error: { stdout: string }) => error);
  return stdout.split('\n').filter((line) => line.includes('error TS'));
}
