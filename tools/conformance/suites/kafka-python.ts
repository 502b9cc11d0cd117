// The integration tests of kafka-python. The source distribution lacks one file, of which they need two names only.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultCache, execute, installOnce, installPython } from '../../emulator/install.ts';
import type { Suite } from '../suite.ts';

const run = promisify(execFile);
const version = '3.0.8';
const constraints = join(import.meta.dirname, 'kafka-python.constraints.txt');
const packages = ['pytest', 'pytest-mock', 'pytest-timeout', 'lz4', 'python-snappy', 'zstandard', 'crc32c'];
const python = (folder: string): string => join(folder, 'venv/bin/python');
const sources = (folder: string): string => join(folder, `kafka_python-${version}`);

/** A broker that runs already is not started, so these classes have nothing to do. */
const service = `class SpawnedService:
    pass


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port
`;

export const kafkaPython: Suite = {
  name: 'kafka-python',
  title: `kafka-python ${version}, test/integration`,
  leftOut: {
    test_sasl_integration: 'starts brokers with SASL itself',
    test_ssl_integration: 'starts brokers with TLS itself',
  },
  prepare: () =>
    installOnce(defaultCache(), 'kafka-python-tests', [import.meta.filename, constraints], async (folder) => {
      await installPython(folder, '3.10', packages, constraints);
      const download = ['-m', 'pip', 'download', '-q', '--no-deps', '--no-binary', ':all:', `kafka-python==${version}`];
      await execute(python(folder), download, folder);
      await execute('sh', ['-c', 'tar xzf *.tar.gz'], folder);
      await execute(python(folder), ['-m', 'pip', 'install', '-q', '-e', '.'], sources(folder));
      writeFileSync(join(sources(folder), 'test/__init__.py'), '');
      writeFileSync(join(sources(folder), 'test/service.py'), service);
      mkdirSync(join(folder, 'no-broker'));
    }),
  async list(folder) {
    const { cwd, env } = contextOf(folder, '127.0.0.1:1');
    const files = ['admin', 'consumer', 'producer'].map((name) => `test/integration/test_${name}_integration.py`);
    const args = ['-m', 'pytest', '--collect-only', '-q', ...files];
    const { stdout } = await run(python(folder), args, { cwd, env: { ...process.env, ...env } });
    const names = stdout.split('\n').filter((line) => line.includes('::'));
    return names.map((line) => ({ name: line.replace('test/integration/', '') }));
  },
  command: (folder, { name }, address) => ({
    file: python(folder),
    args: ['-m', 'pytest', '-v', '-p', 'no:cacheprovider', '--timeout', '180', `test/integration/${name}`],
    ...contextOf(folder, address),
  }),
  isSkip: (output) => /\b1 skipped/.test(output),
};

const contextOf = (folder: string, address: string) => ({
  env: { KAFKA_VERSION: '4.3', KAFKA_URI: `kafka://${address}`, KAFKA_ROOT: join(folder, 'no-broker') },
  cwd: sources(folder),
});
