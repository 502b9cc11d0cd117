// The programs of examples/kafka, as its README runs them.
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { run } from './client.ts';
import { type RunningService, startRivulet } from './service.ts';

const { java, python } = inject('kafkaClients');
let service: RunningService;
let folder: string;

beforeAll(async () => {
  service = await startRivulet();
  folder = mkdtempSync(join(tmpdir(), `rivulet-examples-${randomUUID()}`));
  cpSync(resolve('examples/kafka'), folder, { recursive: true });
});

afterAll(async () => {
  await service?.stop();
  rmSync(folder, { recursive: true });
});

const programOf = (command: string) => ({
  command,
  env: { BOOTSTRAP_SERVERS: service.address, MAVEN_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' },
});
/** Maven may print codes of colours before a line. */
const linesOf = (output: string, word: string) => output.match(new RegExp(`${word}: .*`, 'g')) ?? [];

/** The Python of these tests has what requirements.txt beside them says. */
test('the example has the same version of kafka-python as these tests', () => {
  const required = (file: string) => readFileSync(resolve(file), 'utf8').trim().split('\n');
  expect(required('test/clients/requirements.txt')).toEqual(
    expect.arrayContaining(required('examples/kafka/python/requirements.txt')),
  );
});

if (!('missing' in java))
  test('ClickProducer and ClickConsumer', async () => {
    const maven = (program: string, count: number) => {
      const goals = ['compile', 'exec:java', `-Dexec.mainClass=shop.${program}`, `-Dexec.args=${count}`];
      return run(programOf('mvn'), ['-q', '-B', '-ntp', '-f', join(folder, 'java/pom.xml'), ...goals]);
    };
    const written = linesOf(await maven('ClickProducer', 100), 'written');
    expect(written.sort()).toEqual(
      Array.from({ length: 100 }, (_, offset) => `written: partition 0, offset ${offset}`).sort(),
    );
    const read = linesOf(await maven('ClickConsumer', 100), 'read');
    expect(read.map((line) => line.slice(0, line.indexOf(',', line.indexOf('page'))))).toEqual(
      Array.from({ length: 100 }, (_, i) => `read: partition 0, offset ${i}: user-${i % 10} {"page": ${i}`),
    );
  });

if (!('missing' in python))
  test('activity_stream.py', async () => {
    const stream = (...args: string[]) =>
      run(programOf(python.command), [join(folder, 'python/activity_stream.py'), ...args]);
    expect(await stream('produce', '30')).toBe('written: 30 events\n');
    const counted = [await stream('consume', '10'), await stream('consume', '20')];
    const events = counted.map((output) =>
      [...output.matchAll(/: (\d+) events/g)].reduce((sum, [, count]) => sum + Number(count), 0),
    );
    expect(events).toEqual([10, 20]);
  });
