// Installs DynamoDB Local (Maven Central) and LocalStack (PyPI) once into a cache folder. A folder appears there under its
// final name only when it is complete, and its name carries a digest of what went into it: so a broken or outdated
// installation is never used, and two runs that install at the same time do no harm.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const here = import.meta.dirname;
const run = promisify(execFile);

/** The folder holds `lib/*.jar` and `classes/LoopbackDynamoDb.class`. */
export async function installDynamoDbLocal(cache: string): Promise<string> {
  await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)');
  return installOnce(
    cache,
    'dynamodb-local',
    ['dynamodb-local.pom.xml', 'LoopbackDynamoDb.java', 'log4j2.xml'],
    async (folder) => {
      const javac = [
        'javac',
        ['-version'],
        'a JDK, not only a JRE (Debian: apt-get install openjdk-17-jdk-headless)',
      ] as const;
      await requireTool(...javac);
      await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
      const copyJars = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
      const lib = join(folder, 'lib');
      const classes = join(folder, 'classes');
      copyFileSync(join(here, 'dynamodb-local.pom.xml'), join(folder, 'pom.xml'));
      await execute(
        'mvn',
        ['-B', '-q', '-ntp', copyJars, '-DincludeScope=runtime', `-DoutputDirectory=${lib}`],
        folder,
      );
      await execute('javac', ['-cp', join(lib, '*'), '-d', classes, join(here, 'LoopbackDynamoDb.java')], folder);
      copyFileSync(join(here, 'log4j2.xml'), join(classes, 'log4j2.xml'));
    },
  );
}

/** The folder holds a Python environment: `venv/bin/python`. */
export async function installLocalStack(cache: string): Promise<string> {
  return installOnce(cache, 'localstack', ['localstack-constraints.txt'], async (folder) => {
    const venv = join(folder, 'venv');
    await execute(await findPython(), ['-m', 'venv', venv], folder);
    // The extra packages are what the S3 and DynamoDB providers import beyond base-runtime.
    const packages = ['localstack-core[base-runtime]==4.14.0', 'moto-ext', 'jinja2', 'jsonpath-ng', 'pymongo'];
    const pip = [
      '-m',
      'pip',
      'install',
      '-q',
      '--disable-pip-version-check',
      '-c',
      join(here, 'localstack-constraints.txt'),
    ];
    await execute(join(venv, 'bin', 'python'), [...pip, ...packages], folder);
  });
}

async function installOnce(
  cache: string,
  name: string,
  sources: string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const digest = createHash('sha256');
  for (const source of sources) digest.update(readFileSync(join(here, source)));
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

async function requireTool(command: string, args: readonly string[], whatToGet: string): Promise<void> {
  if (!(await works(command, args))) throw new Error(`\`${command}\` is missing: install ${whatToGet}`);
}

/** LocalStack 4.14.0 says 3.10 is enough, but 3.11 cannot parse it. */
async function findPython(): Promise<string> {
  const pyenv = ['3.13', '3.12'].flatMap((version) =>
    globSync(join(homedir(), `.pyenv/versions/${version}.*/bin/python`)),
  );
  const atLeast312 = ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 12))'];
  for (const python of ['python3.13', 'python3.12', ...pyenv, 'python3'])
    if (await works(python, atLeast312)) return python;
  throw new Error(
    'Python 3.12 or newer is missing: install it (for example with `uv python install 3.13` or `pyenv install 3.13`)',
  );
}

async function works(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

async function execute(command: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await run(command, args, { cwd, maxBuffer: 1 << 26 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`\`${command} ${args.join(' ')}\` failed:\n${(stdout + stderr).slice(-2000)}`, { cause: error });
  }
}
