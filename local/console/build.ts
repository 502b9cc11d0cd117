// Finds the built page, and builds it where the repository has only its source. docs/adr/0038 has the reasons and the times.
//
// The package carries console/dist and no source. In the repository the first look at the console builds it, in another
// process, so that the service goes on; and again after the source has changed.
// Invariant: a reader of console/dist finds a whole build, because each is made elsewhere and renamed.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const built = path.join(root, 'console/dist');
const vite = path.join(root, 'node_modules/vite/bin/vite.js');
/** The page is made of these. */
const sources = ['console', 'cli', 'client', 'lib', 'package.json'];

/** Resolves with the folder of the built page. Rejects, with a sentence for the person who started the service. */
export async function builtConsole(): Promise<string> {
  const isSource = existsSync(path.join(root, 'console/index.html'));
  if (!isSource || !(await isStale())) return built;
  if (!existsSync(vite))
    throw new Error(`the console is not built, because its tools are not installed: run npm install in ${root}`);
  await build();
  return built;
}

async function build(): Promise<void> {
  const fresh = path.join(root, '.cache', `console-${process.pid}`);
  const args = [vite, 'build', '--config', path.join(root, 'console/vite.config.ts'), '--outDir', fresh];
  // Another value, of the person's own shell, would build the development version of React, which is twice as large.
  const env = { ...process.env, NODE_ENV: 'production' };
  const run = promisify(execFile)(process.execPath, [...args, '--logLevel', 'error'], { cwd: root, env });
  await run.catch((error: Error & { stderr?: string }) => {
    throw new Error(`its build has failed: ${reasonIn(error.stderr ?? '') ?? error.message.split('\n')[0]}`);
  });
  const old = `${fresh}-old`;
  await rename(built, old).catch(() => undefined);
  // Another process may have built at the same time, and its build is as good.
  await rename(fresh, built).catch(() => rm(fresh, { recursive: true, force: true }));
  await rm(old, { recursive: true, force: true });
}

/** The first line of Vite's output that names an error, without colours. The rest is where in Vite it was thrown. */
const reasonIn = (output: string): string | undefined => {
  const lines = stripVTControlCharacters(output).split('\n');
  const named = lines.find((line) => /error/i.test(line)) ?? lines.find((line) => line.trim() !== '');
  return named?.trim();
};

async function isStale(): Promise<boolean> {
  const made = await changedMs(path.join(built, 'index.html'));
  if (made === 0) return true;
  const changes = await Promise.all(sources.map((source) => newestMs(path.join(root, source))));
  return Math.max(...changes) > made;
}

async function newestMs(source: string): Promise<number> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return changedMs(source);
  const files = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(built))
    .map((entry) => path.join(entry.parentPath, entry.name));
  return Math.max(0, ...(await Promise.all(files.map(changedMs))));
}

const changedMs = async (file: string): Promise<number> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
