// Gets the clients that are no packages of Node, by the ordinary package clients and without root: kcat from Debian, two
// packages of Python, Kafka's tools of Java. Each is kept in the cache. A download is tried three times.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execute, installOnce, installPython, requireTool } from '../../tools/emulator/install.ts';

type Program = { readonly command: string; readonly env?: Record<string, string> };

export type Installed = {
  readonly kcat: Program;
  readonly python: Program;
  readonly java: Program & { readonly jars: string };
};

/** Each is there, or the reason why it is not. */
export type Found = { readonly [Name in keyof Installed]: Installed[Name] | { readonly missing: string } };

export async function installClients(cache: string): Promise<Found> {
  const [kcat, python, java] = await Promise.all([
    found('kcat', installKcat(cache)),
    found('the Python clients', installPythonClients(cache)),
    found("Kafka's tools of Java", installJava(cache)),
  ]);
  return { kcat, python, java };
}

async function found<T>(name: string, installing: Promise<T>): Promise<T | { readonly missing: string }> {
  try {
    return await installing;
  } catch (error) {
    const missing = `no ${name}: ${error instanceof Error ? error.message : String(error)}`;
    console.error(`\n!!! ${missing}\n!!! The tests with it are not run.\n`);
    return { missing };
  }
}

const attempts = 3;
const pauseMs = 3_000;

async function download(command: string, args: readonly string[], folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await execute(command, args, folder);
      return;
    } catch (error) {
      if (attempt === attempts) throw error;
      await setTimeout(pauseMs);
    }
  }
}

const here = import.meta.dirname;
const source = (name: string) => join(here, name);

/** kcat 1.7.1 with librdkafka 2.0.2, as Debian 12 has it. Other libraries that it needs are part of most systems. */
const packages = ['kcat', 'librdkafka1', 'libyajl2'];

async function installKcat(cache: string): Promise<Program> {
  await requireTool('apt-get', ['--version'], 'it by using Debian');
  const folder = await installOnce(cache, 'kcat', [source('install.ts')], async (draft) => {
    await download('apt-get', ['download', ...packages], draft);
    for (const file of globSync('*.deb', { cwd: draft })) await execute('dpkg', ['-x', file, 'root'], draft);
    await execute(join(draft, 'root/usr/bin/kcat'), ['-V'], draft, librariesIn(draft));
  });
  return { command: join(folder, 'root/usr/bin/kcat'), env: librariesIn(folder) };
}

const librariesIn = (folder: string) => ({
  LD_LIBRARY_PATH: globSync(join(folder, 'root/usr/lib/*-linux-gnu*')).join(':'),
});

/** The last three are the codecs of kafka-python. */
const pythonPackages = ['confluent-kafka', 'kafka-python', 'lz4', 'python-snappy', 'zstandard'];

async function installPythonClients(cache: string): Promise<Program> {
  const sources = [source('requirements.txt')];
  const folder = await installOnce(cache, 'python-clients', sources, (draft) =>
    installPython(draft, '3.10', pythonPackages, sources[0]!),
  );
  return { command: join(folder, 'venv/bin/python') };
}

async function installJava(cache: string): Promise<Installed['java']> {
  await requireTool('java', ['-version'], 'Java 17 or newer');
  await requireTool('mvn', ['-version'], 'Maven');
  const pom = source('pom.xml');
  const jars = await installOnce(cache, 'kafka-tools', [pom], (draft) =>
    download(
      'mvn',
      ['-q', '-B', '-ntp', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`],
      draft,
    ),
  );
  return { command: 'java', jars };
}
