import { spawnSync } from 'node:child_process';
import { existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { BATCHES_MEDIA_TYPE, encodeProduceFrames } from '../../lib/record/frames.ts';
import { unreadable } from '../fixtures/unreadable-batch.ts';
import { signedFetch } from '../local/wire.ts';
import { batchOf } from '../log/world.ts';
import { runHere } from './here.ts';
import { type Finished, launcher, newDirectory, run, type Service, start, startService } from './processes.ts';

let service: Service;
let topics = 0;

beforeAll(async () => {
  service = await startService(newDirectory());
});

const rivulet = (args: readonly string[], input?: string | Uint8Array): Promise<Finished> =>
  runHere(args, { environment: { RIVULET_URL: service.url }, ...(input !== undefined && { input }) });

/** The standard output of a command that must succeed. */
async function ok(args: readonly string[], input?: string | Uint8Array): Promise<string> {
  const { code, stdout, stderr } = await rivulet(args, input);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function newTopic(partitions = 1): Promise<string> {
  const topic = `topic-${++topics}`;
  await new Rivulet({ url: service.url }).admin().createTopics({ topics: [{ topic, partitions }] });
  return topic;
}

const fromBeginning = (topic: string, count: number, ...more: string[]): string[] => [
  'consume',
  topic,
  '--from-beginning',
  '--max-messages',
  String(count),
  ...more,
];

describe('topics', () => {
  test('are created, listed, described, altered and deleted', async () => {
    await ok(['topics', 'create', '--topic', 'life', '--partitions', '2', '--config', 'retention.ms=1000']);
    expect((await ok(['topics', 'list'])).split('\n')).toContain('life');
    expect(await ok(['topics', 'describe', 'life'])).toMatch(
      /^Topic: +life\n(.*\n)*Partitions: +2\nConfig: +retention\.ms=1000\n/,
    );
    const more = ['--partitions', '3', '--config', 'retention.bytes=5000'];
    expect(await ok(['topics', 'alter', 'life', ...more])).toContain('retention.bytes=5000');
    const fewer = ['--delete-config', 'retention.ms', '--delete-config', 'retention.bytes'];
    expect(await ok(['topics', 'alter', 'life', ...fewer])).toBe('Topic life: 3 partitions; default configurations\n');
    const described = JSON.parse(await ok(['topics', 'describe', 'life', '--json']));
    expect(described).toMatchObject({ topic: 'life', partitions: 3 });
    const fallback = { name: 'retention.ms', value: '604800000', isDefault: true };
    expect(described.config).toContainEqual(expect.objectContaining(fallback));
    await ok(['topics', 'delete', 'life']);
    const left = JSON.parse(await ok(['topics', 'list', '--json'])) as { topic: string }[];
    expect(left.map(({ topic }) => topic)).not.toContain('life');
  });

  test('that exist already, or do not exist, are failures unless tolerated', async () => {
    const topic = await newTopic();
    expect(await rivulet(['topics', 'create', topic])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rivulet: .*\(TOPIC_ALREADY_EXISTS, not written\)\n$/),
    });
    await ok(['topics', 'create', topic, '--if-not-exists']);
    expect(await rivulet(['topics', 'delete', 'missing'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rivulet: .*\(UNKNOWN_TOPIC_OR_PARTITION, not written\)\n$/),
    });
    for (const command of ['delete', 'describe']) await ok(['topics', command, 'missing', '--if-exists']);
    await ok(['topics', 'alter', 'missing', '--if-exists', '--partitions', '2']);
  });

  test('print a note on a configuration that changes nothing', async () => {
    const note = expect.stringMatching(/^rivulet: note: segment\.ms .+\n$/);
    const created = await rivulet(['topics', 'create', 'noted', '--config', 'segment.ms=5000']);
    expect(created).toMatchObject({ code: 0, stderr: note });
    const altered = await rivulet(['topics', 'alter', 'noted', '--config', 'segment.ms=6000']);
    expect(altered).toMatchObject({ code: 0, stderr: note });
  });

  test('with a wrong configuration name that configuration', async () => {
    const { code, stderr } = await rivulet(['topics', 'create', 'wrong', '--config', 'retention.ms=soon']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^rivulet: .*retention\.ms.*\(INVALID_CONFIG, not written\)\n$/);
    const mistyped = await rivulet(['topics', 'alter', await newTopic(), '--delete-config', 'retention.msec']);
    expect(mistyped).toMatchObject({
      code: 1,
      stderr:
        'rivulet: config: expected the name of a topic configuration, got "retention.msec": did you mean retention.ms? (INVALID_CONFIG, not written)\n',
    });
  });
});

test('output that cannot be written and a directory as input are reported as failures', async () => {
  const topic = await newTopic();
  await ok(['produce', topic], 'v\n');
  const endsWith = (args: readonly string[], stdin: number | 'ignore', stdout: number | 'ignore') =>
    spawnSync(process.execPath, [launcher, ...args, '--url', service.url], {
      stdio: [stdin, stdout, 'pipe'],
      encoding: 'utf8',
    });
  const folder = openSync(newDirectory(), 'r');
  expect(endsWith(['produce', topic], folder, 'ignore')).toMatchObject({
    status: 1,
    stderr: 'rivulet: standard input: it is a directory\n',
  });
  if (!existsSync('/dev/full')) return;
  const full = openSync('/dev/full', 'w');
  const told = { status: 1, stderr: expect.stringMatching(/^rivulet: standard output: ENOSPC: .*\n$/m) };
  expect(endsWith(['topics', 'list'], 'ignore', full)).toMatchObject(told);
  expect(endsWith(fromBeginning(topic, 1), 'ignore', full)).toMatchObject(told);
});

describe('produce and consume', () => {
  test('lines go in and come out, with keys and metadata on request', async () => {
    const topic = await newTopic();
    const property = ['--property', 'parse.key=true', '--property', 'key.separator=:'];
    const produced = await rivulet(['produce', topic, ...property], 'a:one\nb:two\r\na:three');
    expect(produced).toMatchObject({ code: 0, stdout: '' });
    expect(produced.stderr).toMatch(/^3 records acknowledged in /);
    const plain = await rivulet(fromBeginning(topic, 3));
    expect(plain).toMatchObject({ code: 0, stdout: 'one\ntwo\nthree\n' });
    expect(plain.stderr).toBe('Processed a total of 3 messages\n');
    const names = ['key', 'offset', 'partition', 'timestamp', 'headers'];
    const print = names.flatMap((name) => ['--property', `print.${name}=true`]);
    const full = await ok(fromBeginning(topic, 2, ...print, '--property', 'key.separator=|'));
    expect(full).toMatch(
      /^CreateTime:\d{13}\|Partition:0\|Offset:0\|NO_HEADERS\|a\|one\nCreateTime:\d{13}\|Partition:0\|Offset:1\|NO_HEADERS\|b\|two\n$/,
    );
  });

  test('bytes that are not UTF-8, nulls and headers go through the text format unchanged', async () => {
    const topic = await newTopic();
    const reader = ['parse.key=true', 'parse.headers=true', 'null.marker=NIL'].flatMap((one) => ['--property', one]);
    const line = Buffer.from('h:\xff,n:NIL\tNIL\t\xfe\x00\n', 'latin1');
    await ok(['produce', topic, ...reader], line);
    const printer = ['print.headers=true', 'print.key=true', 'null.literal=NIL'].flatMap((one) => ['--property', one]);
    const consumer = start(launcher, [...fromBeginning(topic, 1, ...printer), '--url', service.url]);
    const read = await consumer.child.stdout!.toArray();
    expect(Buffer.concat(read)).toEqual(line);
  });

  test('ndjson carries everything: consumed records can be produced again, byte for byte', async () => {
    const [first, second] = [await newTopic(2), await newTopic(2)];
    const lines = [
      {
        key: 'k',
        value: 'text',
        headers: [
          { name: 'h', value: '1' },
          { name: '10', value: 'ten' },
          { name: '2', value: 'two' },
          { name: 'h', value: null },
        ],
        partition: 0,
      },
      { key: null, value: null, partition: 1, timestamp: 1_000_000_000_000 },
      { key: { type: 'binary', data: '/w==' }, value: { nested: [1, 2.5, 'ü\n'] }, partition: 1 },
      { key: '', value: { type: 'json', data: { type: 'string', data: 'not typed' } }, partition: 1 },
    ];
    const input = lines.map((line) => JSON.stringify(line)).join('\n');
    await ok(['produce', first, '--format', 'ndjson', '--compression-codec', 'zstd'], input);
    const consumed = await ok(fromBeginning(first, 4, '--format', 'ndjson'));
    await ok(['produce', second, '--format', 'ndjson'], consumed);
    expect(await ok(fromBeginning(second, 4, '--format', 'ndjson'))).toBe(consumed);
    const read = consumed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(read.find(({ partition }) => partition === 0)).toMatchObject(lines[0]!);
    expect(read.filter(({ partition }) => partition === 1)).toMatchObject([
      lines[1],
      lines[2],
      { key: '', value: '{"type":"string","data":"not typed"}' },
    ]);
  });

  test('a file of many records goes through whole with each codec', async () => {
    const topic = await newTopic(3);
    const file = join(newDirectory(), 'lines.txt');
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 100)}`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      await ok(['produce', topic, '--file', file, '--compression-codec', codec]);
    const read = (await ok(fromBeginning(topic, 100_000))).trimEnd().split('\n');
    expect(read.toSorted()).toEqual([lines, lines, lines, lines, lines].flat().toSorted());
  });

  test('consume reads from now on, one partition, from an offset, or until no record comes', async () => {
    const topic = await newTopic(2);
    const records = Array.from({ length: 10 }, (_, i) => JSON.stringify({ value: `${i}`, partition: 1 })).join('\n');
    await ok(['produce', topic, '--format', 'ndjson'], records);
    const partition = ['--partition', '1'];
    expect(await ok(['consume', topic, ...partition, '--offset', '7', '--max-messages', '2'])).toBe('7\n8\n');
    expect(await ok(['consume', topic, ...partition, '--offset', '8', '--timeout-ms', '500'])).toBe('8\n9\n');
    expect(await ok(['consume', topic, '--timeout-ms', '500'])).toBe('');
    const tooFar = await rivulet(['consume', topic, ...partition, '--offset', '11']);
    expect(tooFar).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--offset: expected 0 to 10, which partition'),
    });
    const none = await rivulet(['consume', topic, '--partition', '2']);
    expect(none).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--partition: expected one of the 2 partitions of topic '),
    });
  });

  test('a consumer that waits gets new records, and Ctrl-C ends it with the count', async () => {
    const topic = await newTopic();
    const consumer = start(launcher, ['consume', topic, '--from-beginning', '--url', service.url]);
    await ok(['produce', topic], 'first\n');
    await consumer.until(/^first\n$/);
    await ok(['produce', topic], 'second\n');
    await consumer.until(/second\n$/);
    consumer.child.kill('SIGINT');
    expect(await consumer.finished).toMatchObject({ code: 130, stderr: 'Processed a total of 2 messages\n' });
  });

  test('a producer that waits sends the whole lines it has, and Ctrl-C ends it with the count', async () => {
    const topic = await newTopic();
    const producer = start(launcher, ['produce', topic, '--url', service.url]);
    producer.child.stdin!.write('whole\nbegun');
    expect(await ok(fromBeginning(topic, 1))).toBe('whole\n');
    producer.child.kill('SIGINT');
    const { code, stderr } = await producer.finished;
    expect(code).toBe(130);
    expect(stderr).toMatch(/^1 record acknowledged in [^\n]*\n$/);
  });

  test('a reader of the output that stops reading is no error', async () => {
    const topic = await newTopic();
    await ok(['produce', topic], `${'x'.repeat(1000)}\n`.repeat(5_000));
    const consumer = start(launcher, ['consume', topic, '--from-beginning', '--url', service.url]);
    await consumer.until(/x/);
    consumer.child.stdout!.destroy();
    expect(await consumer.finished).toMatchObject({ code: 0, stderr: '' });
  });

  test('a batch that cannot be unpacked is reported with its offset, after the records before it', async () => {
    const topic = await newTopic();
    await ok(['produce', topic], 'good\n');
    const partitions = [{ partition: 0, batches: unreadable(batchOf(['a', 'b'])) }];
    const sent = await signedFetch(service.url, {
      ...{ method: 'POST', path: `/v1/topics/${topic}/records`, body: encodeProduceFrames(partitions) },
      headers: { 'content-type': BATCHES_MEDIA_TYPE },
    });
    expect(sent.status).toBe(200);
    await ok(['produce', topic], 'behind\n');
    const { code, stdout, stderr } = await rivulet(fromBeginning(topic, 4));
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'good\n' });
    expect(stderr).toMatch(
      new RegExp(
        `^Processed a total of 1 messages\nrivulet: ${topic} partition 0: the batch at offset 1 cannot be unpacked, because its producer wrote it so \\(.*\\): go on from offset 3 \\(CORRUPT_MESSAGE\\)\n$`,
      ),
    );
    expect(await ok(['consume', topic, '--partition', '0', '--offset', '3', '--max-messages', '1'])).toBe('behind\n');
  });

  test('an error in a line names the line, and says how much was sent before it', async () => {
    const topic = await newTopic();
    const input = '{"value": "good"}\n\n \t\n{"value": 1, "colour": "red"}\n';
    const bad = await rivulet(['produce', topic, '--format', 'ndjson'], input);
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(
      /^1 record acknowledged in .*\nrivulet: line 4: colour: expected one of key, .*; 1 record before it was acknowledged, and nothing was sent from this line on\n$/,
    );
    const broken = await rivulet(['produce', topic, '--format', 'ndjson'], '{"value": \n');
    expect(broken.stderr).toMatch(/^0 records .*\nrivulet: line 1: not valid JSON: .*; 0 records before it were ack/);
    const unkeyed = await rivulet(['produce', topic, '--property', 'parse.key=true'], 'no key\n');
    expect(unkeyed.code).toBe(1);
    expect(unkeyed.stderr).toMatch(/line 1: key\.separator: expected "\\t" in the line/);
    expect(await ok(fromBeginning(topic, 1))).toBe('good\n');
  });

  test('refused records are counted apart from written ones', async () => {
    const topic = await newTopic(1);
    const input = '{"value": "here", "partition": 0}\n';
    expect((await rivulet(['produce', topic, '--format', 'ndjson'], input)).code).toBe(0);
    for (const partition of ['-1', '"0"', '1e30']) {
      const line = await rivulet(['produce', topic, '--format', 'ndjson'], `{"value": "v", "partition": ${partition}}`);
      expect(line.stderr).toContain(
        `rivulet: line 1: partition: expected a whole number from 0 to 9007199254740991, got ${partition}; `,
      );
    }
    const refused = await rivulet(['produce', topic, '--format', 'ndjson'], '\n{"value": "there", "partition": 7}\n');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^0 records acknowledged, 1 not written in .*\nrivulet: .*7; line 2 is the first that is not acknowledged \(.*, not written\)\n$/,
    );
  });

  test('where only some records of a send are written, the last line names the first that is not, and nothing else', async () => {
    const topic = await newTopic(2);
    await ok(['topics', 'alter', topic, '--config', 'max.message.bytes=2000']);
    const lines = [0, 1, 0, 1].map((partition) =>
      JSON.stringify({ partition, value: partition === 1 ? 'x'.repeat(3_000) : 'short' }),
    );
    const { code, stderr } = await rivulet(['produce', topic, '--format', 'ndjson'], lines.join('\n'));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^2 records acknowledged, 2 not written in .*\nrivulet: .*; line 2 is the first that is not acknowledged \(MESSAGE_TOO_LARGE, not written\)\n$/,
    );
  });

  test('a topic that does not exist, a wrong name and a wrong file are refused before a line is read', async () => {
    const topic = await newTopic();
    const folder = newDirectory();
    for (const [args, sentence] of [
      [['missing'], /^rivulet: there is no topic "missing" \(UNKNOWN_TOPIC_OR_PARTITION\)\n$/],
      [['bad name!'], /^rivulet: topic name "bad name!" may only have .*\(INVALID_TOPIC_EXCEPTION, not written\)\n$/],
      [[topic, '--file', join(folder, 'none')], /^rivulet: --file "\S+none": there is no such file\n$/],
      [[topic, '--file', folder], /^rivulet: --file "\S+": it is a directory\n$/],
      [[topic, '--file', ''], /^rivulet: --file "": there is no such file\n$/],
    ] as const) {
      const { code, stderr } = await rivulet(['produce', ...args], '');
      expect(stderr).toMatch(sentence);
      expect(code).toBe(1);
    }
  });
});

test('offsets prints the end, the beginning, the offsets at a time, of some partitions, and as JSON', async () => {
  const topic = await newTopic(4);
  const input = [2, 2, 3].map((partition, i) => JSON.stringify({ value: 'x', partition, timestamp: 1_000 * i + 5 }));
  await ok(['produce', topic, '--format', 'ndjson'], input.join('\n'));
  expect(await ok(['offsets', topic])).toBe([0, 0, 2, 1].map((end, p) => `${topic}:${p}:${end}\n`).join(''));
  expect(await ok(['offsets', topic, '--time', 'earliest', '--partitions', '1-2'])).toBe(
    `${topic}:1:0\n${topic}:2:0\n`,
  );
  expect(await ok(['offsets', topic, '--time', '-4', '--partitions', '2'])).toBe(`${topic}:2:0\n`);
  for (const time of ['-3', 'max-timestamp'])
    expect(await ok(['offsets', topic, '--time', time])).toBe(
      [-1, -1, 1, 0].map((at, p) => `${topic}:${p}:${at}\n`).join(''),
    );
  const second = ['offsets', topic, '--time', '1970-01-01T00:00:01', '--partitions', '2,3'];
  // A time without a zone is UTC, wherever the command runs.
  const inTokyo = await run(second, { environment: { RIVULET_URL: service.url, TZ: 'Asia/Tokyo' } });
  expect(inTokyo.stdout).toBe(`${topic}:2:1\n${topic}:3:0\n`);
  expect(JSON.parse(await ok([...second, '--json']))).toMatchObject([
    { topic, partition: 2, offset: 1, timestamp: 1_005 },
    { topic, partition: 3, offset: 0, timestamp: 2_005 },
  ]);
  expect(await ok(['offsets', topic, '--time', '9000', '--partitions', '3'])).toBe(`${topic}:3:-1\n`);
});

test('offsets by time, and a reset to a time, work for more partitions than one request may search', async () => {
  const topic = await newTopic(300);
  await new Rivulet({ url: service.url })
    .producer()
    .send({ topic, messages: [1_000, 2_000].map((timestamp) => ({ value: 'v', partition: 299, timestamp })) });
  expect(await ok(['offsets', topic, '--time', '1500', '--partitions', '0,299'])).toBe(
    `${topic}:0:-1\n${topic}:299:1\n`,
  );
  const reset = ['groups', 'reset-offsets', `of-${topic}`, '--topic', topic, '--to-datetime', '1500', '--execute'];
  expect(await ok(reset)).toMatch(new RegExp(`${topic} +299 +- +1\n`));
});

test('a request to a service on this machine is signed for its region, whatever AWS_REGION says, and --region wins over both', async () => {
  const topic = await newTopic();
  const environment = { AWS_REGION: 'eu-west-1' };
  const described = await runHere(['topics', 'describe', topic, '--url', service.url], { environment });
  expect(described).toMatchObject({ code: 0, stderr: '' });
  const refused = await runHere(['topics', 'list', '--url', service.url, '--region', 'eu-west-1'], { environment });
  expect(refused.stderr).toMatch(
    /credential scope: expected \S+\/us-east-1\/\S+, got \S+\/eu-west-1\/.* \(FORBIDDEN\b/,
  );
});

test('https to a service that speaks http is explained in one sentence', async () => {
  const { host } = new URL(service.url);
  const { code, stderr } = await runHere(['topics', 'list', '--url', `https://${host}`]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `rivulet: https://${host} is an HTTP service: use http://${host} (NETWORK_EXCEPTION)\n`,
  });
});
