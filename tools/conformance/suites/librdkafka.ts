// The tests of librdkafka that need a broker, in C and C++. librdkafka.sh beside this file gets them.
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultCache, execute, installOnce, requireTool } from '../../emulator/install.ts';
import type { Suite, Test } from '../suite.ts';
import { kafkaJars } from '../target.ts';

const build = join(import.meta.dirname, 'librdkafka.sh');
const testsIn = (folder: string): string => join(folder, 'package/deps/librdkafka/tests');

export const librdkafka: Suite = {
  name: 'librdkafka',
  title: 'librdkafka 2.15.1, tests of a broker',
  leftOut: {
    '0016': "needs the name of the client in the broker's metrics, over JMX",
    '0101': 'needs followers in other racks, and a broker that may be stopped',
    '0126': 'needs a server of OpenID Connect that the test suite starts',
    '0135': 'needs a listener with SASL',
    '0142': 'needs a listener with SASL and a short time until it must authenticate again',
  },
  async prepare() {
    await requireTool('make', ['--version'], 'make, gcc and g++, and the headers of OpenSSL, zlib, zstd and RapidJSON');
    const folder = await installOnce(defaultCache(), 'librdkafka-tests', [build], (place) =>
      execute('sh', [build], place),
    );
    await writeKafkaTools(join(folder, 'kafka'), join(testsIn(folder), 'java'));
    return folder;
  },
  list: async (folder) => brokerTests(readFileSync(join(testsIn(folder), 'test.c'), 'utf8')),
  command(folder, { name, autoCreate = true }, address, scratch) {
    const tests = testsIn(folder);
    const config = join(scratch, 'test.conf');
    writeFileSync(config, `bootstrap.servers=${address}\ntest.timeout.multiplier=3\n`);
    const quick = checksInQuickMode(tests, name) ? ['-Q'] : [];
    const scenario = autoCreate ? [] : ['-s', 'noautocreate'];
    return {
      file: join(tests, 'test-runner'),
      args: ['-L', '-p1', ...quick, ...scenario],
      env: {
        TESTS: name.slice(0, 4),
        RDKAFKA_TEST_CONF: config,
        // The tests of share groups ask for 4.2 and are skipped: such groups are a protocol of their own.
        TEST_KAFKA_VERSION: '4.1.0',
        KAFKA_PATH: join(folder, 'kafka'),
        BROKERS: address,
        LD_LIBRARY_PATH: `${join(tests, '../src')}:${join(tests, '../src-cpp')}`,
      },
      cwd: tests,
    };
  },
  isSkip: (output) => !/Test \w+ PASSED/.test(output),
};

/** Some tests call scripts of Kafka's distribution, and programs in Java of their own over Kafka's client. */
async function writeKafkaTools(kafka: string, programs: string): Promise<void> {
  const jars = await kafkaJars();
  const bin = join(kafka, 'bin');
  mkdirSync(bin, { recursive: true });
  await requireTool(
    'javac',
    ['-version'],
    'a JDK of Java 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)',
  );
  const sources = globSync('*.java', { cwd: programs });
  await execute('javac', ['-cp', join(jars, '*'), ...sources], programs);
  // The tests put the folder of their programs into CLASSPATH.
  writeFileSync(join(bin, 'kafka-run-class.sh'), `#!/bin/sh\nexec java -Xmx128m -cp "$CLASSPATH:${jars}/*" "$@"\n`, {
    mode: 0o755,
  });
  for (const [script, main] of Object.entries({ topics: 'TopicCommand', acls: 'AclCommand' }))
    writeFileSync(
      join(bin, `kafka-${script}.sh`),
      `#!/bin/sh\nexec java -Xmx128m -cp '${jars}/*' org.apache.kafka.tools.${main} "$@"\n`,
      { mode: 0o755 },
    );
}

/**
 * The numbers of the tests that need a broker. Several tests may have one number, and run in one process. Those with
 * "noautocreate" ask for a broker that creates no topics.
 */
function brokerTests(text: string): Test[] {
  const entries = text.slice(text.indexOf('struct test tests[]')).split('_TEST(').slice(1);
  const found = new Map<string, Test>();
  for (const entry of entries) {
    const [, number, title, rest] = /^(\d{4})_(\w+),(.*)/s.exec(entry) ?? [];
    if (!number || /TEST_F_(LOCAL|MANUAL)|BRKVER\(4, 2/.test(rest!) || title!.endsWith('_mock')) continue;
    const autoCreate = !/scenario = "noautocreate"/.test(rest!);
    const name = autoCreate ? number : `${number} without creation`;
    found.set(name, { name, autoCreate });
  }
  return [...found.values()];
}

/** In quick mode, tests that consist of SUB_TEST() check nothing, nor do those that return. */
function checksInQuickMode(tests: string, name: string): boolean {
  const files = globSync(`${name.slice(0, 4)}-*.{c,cpp}`, { cwd: tests });
  return !files.some((file) => /SUB_TEST\(|if \(test_quick\) \{/.test(readFileSync(join(tests, file), 'utf8')));
}
