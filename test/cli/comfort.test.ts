// Tests of what kcat, the AWS CLI and Kafka's perf tools have taught people to type.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runHere } from './here.ts';
import { type Finished, newDirectory, type Service, startService } from './processes.ts';

let service: Service;
let topics = 0;

beforeAll(async () => {
  service = await startService(newDirectory());
});

const rivulet = (args: readonly string[], input?: string): Promise<Finished> =>
  runHere(args, { environment: { RIVULET_URL: service.url }, ...(input !== undefined && { input }) });

async function ok(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await rivulet(args, input);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function topicWith(lines: readonly string[], partitions = 1): Promise<string> {
  const topic = `comfort-${++topics}`;
  await ok(['topics', 'create', topic, '--partitions', String(partitions)]);
  await ok(['produce', topic, '-f', '%p|%T|%k=%s'], lines.map((line) => `${line}\n`).join(''));
  return topic;
}

const untilLatest = (topic: string, ...more: string[]) => ok(['consume', topic, '--until', 'latest', ...more]);

describe('consume', () => {
  test('prints by a format what produce has read by one, and stops at the end as it is now', async () => {
    const topic = await topicWith(['0|1000|a=1', '1|2000|b=2', '1|3000|c=3'], 3);
    const printed = await untilLatest(topic, '--from-beginning', '-f', '%p|%T|%k=%s\\n');
    expect(printed.split('\n').sort()).toEqual(['', '0|1000|a=1', '1|2000|b=2', '1|3000|c=3']);
    expect(await untilLatest(topic, '--from-beginning', '--partitions', '0,2', '-f', '%k')).toBe('a');
  });

  test('begins at the last records, and ends at a time', async () => {
    const topic = await topicWith(['0|1000|a=1', '0|2000|b=2', '0|3000|c=3']);
    expect(await untilLatest(topic, '--offset', '-2', '-f', '%k')).toBe('bc');
    expect(await untilLatest(topic, '--offset', 's@2000', '-f', '%k')).toBe('bc');
    const between = ['--offset', 's@1970-01-01T00:00:02Z', '--offset', 'e@3000'];
    expect(await ok(['consume', topic, ...between, '-f', '%k'])).toBe('b');
    expect(await ok(['consume', topic, '--from-beginning', '--offset', 'e@3000', '-f', '%k'])).toBe('ab');
  });

  test('stops at the end of an empty topic, and behind records that are gone', async () => {
    const topic = await topicWith([]);
    expect(await untilLatest(topic, '--from-beginning')).toBe('');
    const emptied = await topicWith(['0|1|a=1', '0|2|b=2']);
    await ok(['topics', 'delete-records', emptied, '--offsets', '0:-1']);
    expect(await untilLatest(emptied, '--from-beginning')).toBe('');
  });

  test('prints what a filter lets through, and counts only that', async () => {
    const topic = await topicWith(['0|1|a={"n":1}', '0|2|b={"n":2}', '0|3|c={"n":3}', '0|4|d={"n":4}']);
    const { stdout, stderr } = await rivulet([
      ...['consume', topic, '--from-beginning', '--filter', '$.n>1', '--filter', 'key!=c'],
      ...['--max-messages', '2', '-f', '%k'],
    ]);
    expect([stdout, stderr]).toEqual(['bd', 'Processed a total of 2 messages\n']);
  });

  test('prints envelopes that produce takes', async () => {
    const topic = await topicWith(['0|1000|a=1']);
    const envelopes = await untilLatest(topic, '--from-beginning', '-J');
    expect(JSON.parse(envelopes)).toMatchObject({ topic, offset: 0, ts: 1000, key: 'a', payload: '1' });
    const copy = await topicWith([]);
    await ok(['produce', copy, '-J'], envelopes);
    expect(await untilLatest(copy, '--from-beginning', '-f', '%T %k=%s')).toBe('1000 a=1');
  });

  test.each([
    [['--offset', '3'], '--offset with a number needs --partition'],
    [['--offset', '-3', '--from-beginning'], 'exclude each other'],
    [['--offset', 'stored'], 'give --group'],
    [['-f', '%x'], 'got %x'],
    [['-f', '%s', '--format', 'ndjson'], 'cannot be used with'],
    [['--until', 'latest', '--group', 'g'], 'cannot be used with'],
    [['-J', '--property', 'print.key=true'], '--property: expected one of'],
  ])('refuses %j', async (args, reason) => {
    const { code, stderr } = await rivulet(['consume', 'any', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });
});

describe('-o', () => {
  test('prints a listing as JSON, YAML or a table', async () => {
    const topic = await topicWith(['0|1|a=1'], 2);
    const listings = [
      ['offsets', topic],
      ['topics', 'list'],
      ['topics', 'describe', topic],
      ['groups', 'list'],
      ['transactions', 'list', '--all'],
    ];
    for (const listing of listings) {
      const json: unknown = JSON.parse(await ok([...listing, '-o', 'json']));
      expect(parse(await ok([...listing, '-o', 'yaml']))).toEqual(json);
      expect(JSON.parse(await ok([...listing, '--json']))).toEqual(json);
    }
    const table = await ok(['offsets', topic, '-o', 'table']);
    const rows = table.split('\n').map((line) => line.split(/ +/).join(' '));
    expect(rows).toEqual(['TOPIC PARTITION OFFSET', `${topic} 0 1`, `${topic} 1 0`, '']);
    expect(await ok(['topics', 'list', '-o', 'table'])).toMatch(/^TOPIC +PARTITIONS +CREATED +TOPIC-ID\n/);
    expect(await ok(['groups', 'list', '-o', 'table'])).toBe('GROUP  STATE\n');
  });
});

test('--profile takes the credentials of an AWS profile, also where the environment holds others', async () => {
  const credentials = path.join(newDirectory(), 'credentials');
  writeFileSync(credentials, '[mine]\naws_access_key_id = local\naws_secret_access_key = local\n');
  const environment = {
    ...{ RIVULET_URL: service.url, AWS_SHARED_CREDENTIALS_FILE: credentials },
    ...{ RIVULET_ACCESS_KEY_ID: 'other', RIVULET_SECRET_ACCESS_KEY: 'wrong' },
  };
  expect((await runHere(['topics', 'list'], { environment })).stderr).toMatch(/^rivulet: .*other/);
  expect(await runHere(['topics', 'list', '--profile', 'mine'], { environment })).toMatchObject({ code: 0 });
  expect(await runHere(['topics', 'list', '--profile', 'yours'], { environment })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no AWS credentials were found in profile yours'),
  });
});

describe("Kafka's properties", () => {
  const property = (flag: 'producer' | 'consumer', ...all: string[]) =>
    all.flatMap((one) => [`--${flag}-property`, one]);

  test('let numbers in and out by serializers', async () => {
    const topic = await topicWith([]);
    const types = property('producer', 'key.serializer=LongSerializer', 'value.serializer=IntegerSerializer');
    await ok(['produce', topic, '-f', '%k=%s', ...types], '9007199254740993=-2\n1=7\n');
    expect(await untilLatest(topic, '--from-beginning', '-f', '%K %S\n')).toBe('8 4\n8 4\n');
    const back = property('consumer', 'key.deserializer=LongDeserializer', 'value.deserializer=IntegerDeserializer');
    const printed = ['--from-beginning', '-f', '%k=%s\n'];
    expect(await untilLatest(topic, ...printed, ...back)).toBe('9007199254740993=-2\n1=7\n');
    const own = [
      '--property',
      'key.deserializer=LongDeserializer',
      '--property',
      'value.deserializer=IntegerDeserializer',
    ];
    expect(await untilLatest(topic, ...printed, ...own)).toBe('9007199254740993=-2\n1=7\n');
    const json = await untilLatest(topic, '--from-beginning', '--format', 'ndjson', '--max-messages', '1', ...back);
    expect(JSON.parse(json)).toMatchObject({ key: '9007199254740993', value: '-2' });
  });

  test('name the line, or the place, of data of another type', async () => {
    const topic = await topicWith(['0|1|a=1']);
    const wrong = await rivulet(
      ['produce', topic, ...property('producer', 'value.serializer=IntegerSerializer')],
      'one\n',
    );
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(
      /valueSerializer has failed for topic .*: expected a number, got 'one'; line 1 is the first/,
    );
    const type = property('consumer', 'value.deserializer=LongDeserializer');
    const unread = await rivulet(['consume', topic, '--from-beginning', '--until', 'latest', ...type]);
    expect(unread.code).toBe(1);
    expect(unread.stderr).toContain(`${topic} partition 0: the value of the record at offset 0 cannot be deserialized`);
  });

  test('choose partitions', async () => {
    const topic = await topicWith([], 3);
    await ok(['produce', topic, ...property('producer', 'partitioner.class=RoundRobinPartitioner')], 'a\nb\nc\n');
    const printed = await untilLatest(topic, '--from-beginning', '-f', '%p ');
    expect(printed.trim().split(' ').sort()).toEqual(['0', '1', '2']);
  });

  test('send without acknowledgements, and say so', async () => {
    const topic = await topicWith([]);
    const { code, stderr } = await rivulet(['produce', topic, ...property('producer', 'acks=0')], 'a\nb\n');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^rivulet: note: --producer-property acks means that nothing is known of a record/);
    expect(stderr).toMatch(/2 records sent in .*; with acks=0, nothing is known of them\n$/);
    expect(await untilLatest(topic, '--from-beginning', '-f', '%s')).toBe('ab');
  });

  test('hold in bench consume too', async () => {
    const topic = await topicWith(['0|1|a=1', '0|2|b=2']);
    const own = property('consumer', 'client.rack=a', 'max.poll.records=1', 'value.deserializer=StringDeserializer');
    const { code, stdout, stderr } = await rivulet([
      'bench',
      'consume',
      topic,
      '--messages',
      '2',
      '--hide-header',
      ...own,
    ]);
    expect([code, stderr]).toEqual([
      0,
      'rivulet: note: --consumer-property client.rack has no effect: the storage is in all zones\n',
    ]);
    expect(stdout.split(', ')[4]).toBe('2');
  });
});

describe('bench', () => {
  test('prints the figures of the perf tools of Kafka', async () => {
    const topic = await topicWith([]);
    const produced = await ok(['bench', 'produce', topic, '--num-records', '200', '--record-size', '10']);
    expect(produced).toMatch(
      /^200 records sent, [\d.]+ records\/sec \([\d.]+ MB\/sec\), [\d.]+ ms avg latency, [\d.]+ ms max latency, \d+ ms 50th, \d+ ms 95th, \d+ ms 99th, \d+ ms 99.9th\.\n$/,
    );
    const [header, figures] = (await ok(['bench', 'consume', topic, '--messages', '200'])).split('\n');
    const columns = Object.fromEntries(header!.split(', ').map((name, at) => [name, figures!.split(', ')[at]]));
    expect(columns).toMatchObject({
      'data.consumed.in.nMsg': '200',
      'data.consumed.in.MB': (2000 / 2 ** 20).toFixed(4),
    });
    const inGroup = await ok(['bench', 'consume', topic, '--messages', '200', '--group', 'perf', '--hide-header']);
    expect(inGroup.split(', ')[4]).toBe('200');
  });

  test('says when fewer records came than were asked for', async () => {
    const topic = await topicWith(['0|1|a=1']);
    const { code, stderr } = await rivulet(['bench', 'consume', topic, '--messages', '5', '--timeout', '300']);
    expect([code, stderr]).toEqual([0, 'rivulet: note: 1 records were read, and then none came for 300 ms\n']);
  });
});

describe('completion', () => {
  /** Returns what the function of the script proposes for the last word. */
  function proposed(script: string, ...words: string[]): string[] {
    const line = `COMP_WORDS=(rivulet ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`;
    const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${line}\n_rivulet; echo "\${COMPREPLY[@]}"`]);
    expect(stderr.toString()).toBe('');
    return stdout.toString().trim().split(' ');
  }

  test('proposes commands, options and choices in bash', async () => {
    const script = await ok(['completion', 'bash']);
    expect(proposed(script, 'topics', 'de')).toEqual(['describe', 'delete', 'delete-records']);
    expect(proposed(script, 'consume', 'orders', '--fo')).toEqual([
      ...['--formatter-property', '--format', '--format-string'],
    ]);
    expect(proposed(script, 'consume', '--format', '')).toEqual(['text', 'ndjson', 'envelope']);
    expect(proposed(script, 'topics', 'list', '-o', 'y')).toEqual(['yaml']);
  });

  test('knows zsh and fish, and no other shell', async () => {
    expect(await ok(['completion', 'zsh'])).toContain('bashcompinit');
    expect(await ok(['completion', 'fish'])).toContain("-a describe -d 'print a topic");
    expect(await rivulet(['completion', 'tcsh'])).toMatchObject({ code: 2 });
  });
});
