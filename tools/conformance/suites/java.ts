// Programs of Kafka's own, in Java: its verifiable producer and consumer, Kafka Streams, and Connect. Each test is a script in
// ../java that starts them and checks what they have done.
import { join } from 'node:path';
import { requireTool } from '../../emulator/install.ts';
import type { Suite } from '../suite.ts';
import { jarsOf } from '../target.ts';

const scripts = join(import.meta.dirname, '../java');

export const java: Suite = {
  name: 'java',
  title: 'Apache Kafka 4.3.1, programs in Java',
  leftOut: {},
  async prepare() {
    await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
    await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
    return jarsOf('java-programs', join(import.meta.dirname, 'java.pom.xml'));
  },
  list: async () => ['verifiable', 'transactions', 'word-count', 'connect'].map((name) => ({ name })),
  command: (folder, { name }, address, scratch) => ({
    file: process.execPath,
    args: [join(scripts, `${name}.ts`), address, folder, scratch],
    env: {},
    cwd: scratch,
  }),
  isSkip: () => false,
};
