// Installs the emulators of AWS on this machine, each once, into a cache folder. A folder gets its final name only when it is
// complete, and the name has a digest of the sources. So a broken or outdated installation is never used, and two runs that
// install at the same time do no harm.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The cache is in the repository's folder, beside node_modules. Filling it takes a minute or two of downloads. */
export const defaultCache = (): string => process.env.RIVULET_TEST_CACHE ?? resolve('.cache/aws-endpoints');

/** @param sources the files that say what is installed. A change of any file makes another folder. */
export async function installOnce(
  cache: string,
  name: string,
  sources: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const digest = createHash('sha256');
  for (const source of sources) digest.update(readFileSync(source));
  const folder = join(cache, `${name}-${digest.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  console.log(`installing ${name} into ${folder} (once; up to a minute or two)`);
  mkdirSync(draft, { recursive: true });
  try {
    await build(draft);
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** A Python environment with exactly the packages that the constraints name: `venv/bin/python` in the folder. */
export async function installPython(
  folder: string,
  oldest: string,
  packages: readonly string[],
  constraints: string,
): Promise<void> {
  const venv = join(folder, 'venv');
  await execute(await findPython(oldest), ['-m', 'venv', venv], folder);
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-c', constraints];
  await execute(join(venv, 'bin', 'python'), [...pip, ...packages], folder);
}

export async function requireTool(command: string, args: readonly string[], whatToGet: string): Promise<void> {
  if (!(await works(command, args))) throw new Error(`\`${command}\` is missing: install ${whatToGet}`);
}

async function findPython(oldest: string): Promise<string> {
  const newEnough = ['3.13', '3.12', '3.11', '3.10'].filter((version) => Number(version.slice(2)) >= minor(oldest));
  const pyenv = newEnough.flatMap((version) => globSync(join(homedir(), `.pyenv/versions/${version}.*/bin/python`)));
  const check = ['-c', `import sys, venv; sys.exit(sys.version_info < (3, ${minor(oldest)}))`];
  for (const python of [...newEnough.map((version) => `python${version}`), ...pyenv, 'python3'])
    if (await works(python, check)) return python;
  throw new Error(
    `Python ${oldest} or newer is missing: install it (for example with \`uv python install 3.13\` or \`pyenv install 3.13\`)`,
  );
}

const minor = (version: string): number => Number(version.slice(2));

async function works(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

/** @param env is added to the environment of this process. */
export async function execute(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  try {
    await run(command, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`\`${command} ${args.join(' ')}\` failed:\n${(stdout + stderr).slice(-2000)}`, { cause: error });
  }
}
