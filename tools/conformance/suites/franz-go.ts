// The tests of franz-go's client, in Go.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultCache, execute, installOnce, requireTool } from '../../emulator/install.ts';
import type { Suite } from '../suite.ts';

const run = promisify(execFile);
const version = 'v1.21.3';
const binary = (folder: string): string => join(folder, 'kgo.test');
const sources = (folder: string): string => join(folder, 'franz-go/pkg/kgo');

const shareGroups = 'tests share groups (KIP-932), a protocol of its own';

export const franzGo: Suite = {
  name: 'franz-go',
  title: `franz-go ${version}, pkg/kgo`,
  leftOut: {
    TestShareGroup: shareGroups,
    TestShareGroupETL: shareGroups,
    TestShareGroupAckOnClose: shareGroups,
    TestShareGroupOffsetsAdmin: shareGroups,
    TestSCRAMAuth: 'needs a listener with SASL',
    TestSCRAMAuthBadCredentials: 'needs a listener with SASL',
  },
  async prepare() {
    await requireTool('go', ['version'], 'Go 1.25 or newer');
    return installOnce(defaultCache(), 'franz-go-tests', [import.meta.filename], async (folder) => {
      const module = `github.com/twmb/franz-go@${version}`;
      await execute('go', ['mod', 'download', module], folder);
      const copy = `cp -r "$(go env GOMODCACHE)/${module}" franz-go && chmod -R u+w franz-go`;
      await execute('sh', ['-c', copy], folder);
      await execute('nice', ['go', 'test', '-c', '-o', binary(folder), './pkg/kgo'], join(folder, 'franz-go'));
    });
  },
  async list(folder) {
    const { stdout } = await run(binary(folder), ['-test.list', '.']);
    const names = stdout.split('\n').filter((line) => line.startsWith('Test'));
    return names.map((name) => ({ name }));
  },
  command: (folder, { name }, address) => ({
    file: binary(folder),
    args: ['-test.v', '-test.run', `^${name}$`, '-test.timeout', '0'],
    env: { KGO_SEEDS: address, KGO_TEST_RF: '1' },
    cwd: sources(folder),
  }),
  isSkip: (output) => /^--- SKIP/m.test(output),
};

/** Connections are killed each second, and requests delayed. */
export const franzGoChaos: Suite = {
  ...franzGo,
  name: 'franz-go-chaos',
  title: `${franzGo.title}, with KGO_TEST_CHAOS=1`,
  leftOut: {},
  list: async () => [{ name: 'TestGroupETL' }, { name: 'TestTxnEtl' }],
  command(...given) {
    const command = franzGo.command(...given);
    return { ...command, env: { ...command.env, KGO_TEST_CHAOS: '1' } };
  },
};
