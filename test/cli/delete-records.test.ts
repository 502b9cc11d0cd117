import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { fileOffsets } from '../../cli/delete-records.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { type Finished, newDirectory, run, type Service, startService } from './processes.ts';

let service: Service;
beforeAll(async () => {
  service = await startService(newDirectory());
});

const rivulet = (...args: string[]): Promise<Finished> =>
  run(['topics', 'delete-records', ...args], { environment: { RIVULET_URL: service.url } });

async function filled(topic: string, config: Record<string, string> = {}): Promise<void> {
  const client = new Rivulet({ url: service.url });
  await client.admin().createTopics({ topics: [{ topic, partitions: 2, config }] });
  const producer = client.producer();
  const messages = [0, 0, 0, 1, 1].map((partition) => ({ partition, key: 'k', value: 'v' }));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

describe('rivulet topics delete-records', () => {
  test('deletes below the offsets, and prints the earliest offset of each partition', async () => {
    await filled('a');
    expect(await rivulet('a', '--offsets', '0:2,1:-1')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^TOPIC +PARTITION +EARLIEST\na +0 +2\na +1 +2\n$/),
    });
    const below = await rivulet('--topic', 'a', '--offsets', '0:1', '--offsets', '1:0', '--json');
    expect(JSON.parse(below.stdout)).toEqual([
      { topic: 'a', partition: 0, logStartOffset: 2 },
      { topic: 'a', partition: 1, logStartOffset: 2 },
    ]);
    const described = await run(['topics', 'describe', 'a', '--storage'], {
      environment: { RIVULET_URL: service.url },
    });
    expect(described.stdout).toMatch(/PARTITION +EARLIEST +LATEST +BYTES\n +0 +2 +3 +\d+\n +1 +2 +2 +0\n/);
    expect(described.stdout).toMatch(/PARTITION +LOG-SEGMENTS +LOG-SEGMENT-BYTES.*\n +0 +0 +0 +0 +0 +- +- +-\n/);
  });

  test('takes the file of kafka-delete-records.sh', async () => {
    await Promise.all([filled('b'), filled('c')]);
    const file = join(newDirectory(), 'offsets.json');
    const partitions = [
      { topic: 'b', partition: 0, offset: 1 },
      { topic: 'c', partition: 1, offset: -1 },
      { topic: 'b', partition: 1, offset: 2 },
    ];
    writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
    expect(await rivulet('--offset-json-file', file)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^TOPIC.*\nb +0 +1\nb +1 +2\nc +1 +2\n$/),
    });
    expect(await rivulet('b', '--offset-json-file', file)).toMatchObject({
      stderr: expect.stringContaining("--offset-json-file names the topics: leave out 'b'"),
    });
  });

  test('names each partition that was refused', async () => {
    await filled('f');
    const refused = await rivulet('f', '--offsets', '0:4,1:4');
    expect(refused.code).toBe(1);
    expect(refused.stderr.split('\n').filter((line) => line.includes('OFFSET_OUT_OF_RANGE'))).toHaveLength(2);
    for (const partition of [0, 1]) expect(refused.stderr).toContain(`offset of partition ${partition}: expected -1`);
  });

  test('names the partition that was refused, the limit, and what is done', async () => {
    await filled('d');
    const refused = await rivulet('d', '--offsets', '0:4,1:1');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('offset of partition 0: expected -1, or 0 to the high watermark 3, got 4');
    expect(refused.stderr).toContain('(OFFSET_OUT_OF_RANGE, others are done)');
    expect(refused.stdout).toMatch(/^TOPIC.*\nd +1 +1\n$/);
    await filled('e', { 'cleanup.policy': 'compact' });
    expect((await rivulet('e', '--offsets', '0:1')).stderr).toContain(
      'cleanup.policy of topic e: expected one with delete, got compact',
    );
  });

  test.each([
    ['0', 'It must be partition:offset'],
    ['0:1,', 'got ""'],
    ['0:-2', 'got "0:-2"'],
    ['10000:1', 'got "10000:1"'],
    ['0:9999999999999999', 'offsets from -1 to 9007199254740991'],
    ['0:1,0:2', 'got partition 0 twice'],
  ])('refuses --offsets %s', async (offsets, reason) => {
    const refused = await rivulet('a', '--offsets', offsets);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
  });

  test('says what is missing', async () => {
    expect((await rivulet('a')).stderr).toContain('the offsets are missing');
    expect((await rivulet('--offsets', '0:1')).stderr).toContain('the topic is missing');
    expect((await rivulet('--offset-json-file', '/none.json')).stderr).toContain('there is no such file');
  });
});

const row = { topic: 't', partition: 0, offset: 1 };
test.each([
  ['no JSON', 'x', 'the file: expected a JSON object, got "x"'],
  ['a list', '3', 'the file: expected a JSON object, got "3"'],
  ['no partitions', '{}', 'partitions: expected a list of partitions, got undefined'],
  ['another version', JSON.stringify({ partitions: [row], version: 2 }), 'version: expected 1, got 2'],
  [
    'no topic',
    JSON.stringify({ partitions: [{ ...row, topic: 3 }] }),
    'partitions[0].topic: expected the name of a topic, got 3',
  ],
  [
    'a wrong partition',
    JSON.stringify({ partitions: [{ ...row, partition: -1 }] }),
    'partitions[0].partition: expected a whole number from 0 to 9999, got -1',
  ],
  [
    'a wrong offset',
    JSON.stringify({ partitions: [row, { ...row, offset: '5' }] }),
    'partitions[1].offset: expected a whole number from -1 to 9007199254740991, got "5"',
  ],
  [
    'a partition twice',
    JSON.stringify({ partitions: [row, row] }),
    'partitions[1]: expected each partition once, got "t-0"',
  ],
])('a file with %s is refused', (_, text, reason) => {
  expect(() => fileOffsets('f.json', text)).toThrow(`--offset-json-file "f.json": ${reason}`);
});
