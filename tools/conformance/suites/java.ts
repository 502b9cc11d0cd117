// Programs of Kafka's own, in Java: its verifiable producer and consumer, Kafka Streams, and Connect; and Debezium,
// Flink and Spark. Each test is a script in ../java that starts them and checks what they have done.
import { join, resolve } from 'node:path';
import { defaultCache, requireTool } from '../../emulator/install.ts';
import type { Suite } from '../suite.ts';
import { jarsOf } from '../target.ts';

const pomOf = (name: string): string => join(import.meta.dirname, `${name}.pom.xml`);
const scripts = join(import.meta.dirname, '../java');

export const java: Suite = {
  name: 'java',
  title: 'Apache Kafka 4.3.1, Debezium 3.4.0, Flink 2.0.0 and Spark 4.2.0: programs in Java',
  leftOut: {},
  async prepare() {
    await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
    await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
    for (const job of ['flink', 'spark']) await jarsOf(job, pomOf(job));
    return jarsOf('java-programs', pomOf('java'));
  },
  list: async () => [
    ...['verifiable', 'transactions', 'word-count', 'connect'].map((name) => ({ name })),
    ...['debezium', 'flink', 'spark'].map((name) => ({ name, crashesCluster: true })),
  ],
  command: (folder, { name }, address, scratch) => ({
    file: process.execPath,
    args: [join(scripts, `${name}.ts`), address, folder, scratch],
    env: { RIVULET_TEST_CACHE: resolve(defaultCache()) },
    cwd: scratch,
  }),
  isSkip: () => false,
};
