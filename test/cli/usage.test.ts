import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { runHere } from './here.ts';
import { run, start } from './processes.ts';

const commands = ['serve', 'topics', 'produce', 'consume', 'offsets', 'groups', 'transactions', 'audit'];

test('help names every command, and each command has examples', async () => {
  const help = await runHere(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const command of commands) expect(help.stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  const own = await Promise.all(commands.map((command) => runHere([command, '--help'])));
  for (const { code, stdout } of own) {
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\S/);
  }
});

test('--version prints the version of the package', async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` });
});

test.each([
  ...['test/sim/log/main.ts', 'test/sim/groups/main.ts', 'test/sim/offsets/main.ts', 'test/sim/real/main.ts'],
  ...[
    'test/formats/write-fixture.ts',
    'tools/pack/main.ts',
    'tools/bench/main.ts',
    'examples/demo.ts',
    'examples/payments.ts',
  ],
])('the script %s takes --help for a question, and not for the name of a folder', async (script) => {
  const { code, stdout } = await start(script, ['--help']).finished;
  expect(stdout).toMatch(/^Usage: npm run /);
  expect(code).toBe(0);
  expect(existsSync('--help')).toBe(false);
});

describe('wrong usage ends with 2 and one sentence', () => {
  test.each([
    [['topic', 'list'], /^rivulet: unknown command 'topic'\n\(Did you mean topics\?\)\n$/],
    [['topics', 'lists'], /^rivulet: unknown command 'lists'\n\(Did you mean list\?\)\n$/],
    [
      ['consume', 'a', '--from-begining'],
      /^rivulet: unknown option '--from-begining'\n\(Did you mean --from-beginning\?\)/,
    ],
    [['consume'], /^rivulet: the topic is missing: name it, or give --topic\n$/],
    [['consume', 'a', '--topic', 'b'], /^rivulet: expected one topic, got two: 'a' and 'b'\n$/],
    [['serve', '--metrics-host', '0.0.0.0'], /^rivulet: --metrics-host needs --metrics-port\n$/],
    [['kafka', '--metrics-host', '0.0.0.0'], /^rivulet: --metrics-host needs --metrics-port\n$/],
    [['serve', '--metrics-allow-host', 'a'], /^rivulet: --metrics-allow-host needs --metrics-port\n$/],
    [['consume', 'a', '--offset', '3'], /^rivulet: --offset with a number needs --partition/],
    [
      ['consume', 'a', '--offset', 'x', '--partition', '0'],
      /'x' is invalid. It must be earliest, latest, an offset up to 9007199254740991, -N/,
    ],
    [
      ['consume', 'a', '--offset', '9999999999999999', '--partition', '0'],
      /'9999999999999999' is invalid. It must be earliest, latest, an offset up to 9007199254740991/,
    ],
    [['consume', 'a', '--property', 'print.keys=true'], /^rivulet: --property: expected one of .*, got print.keys\n$/],
    [
      ['consume', 'a', '--property', 'print.key=yes'],
      /^rivulet: --property print.key: expected true or false, got 'yes'\n$/,
    ],
    [['consume', 'a', '--group', 'g', '--partition', '0'], /'--group <id>' cannot be used with option '--partition/],
    [
      ['consume', 'a', '--consumer-property', 'session.timeout.ms=10000'],
      /^rivulet: --consumer-property session.timeout.ms needs --group\n$/,
    ],
    [
      ['consume', 'a', '--consumer-property', 'group.id=g'],
      /^rivulet: --consumer-property group.id: give --group instead\n$/,
    ],
    [
      ['produce', 'a', '--compression-codec', 'gzip', '--producer-property', 'compression.type=zstd'],
      /^rivulet: --compression-codec and --producer-property compression.type=zstd exclude each other\n$/,
    ],
    [
      ['produce', 'a', '--producer-property', 'acks=2'],
      /^rivulet: --producer-property acks: expected one of all, -1, 0, 1, got '2'\n$/,
    ],
    [
      ['produce', 'a', '--transactional-id', 't', '--producer-property', 'acks=0'],
      /--producer-property acks: expected all, -1 or 1 with the option transactional.id, got 0\n$/,
    ],
    [
      ['bench', 'consume', 'a', '--messages', '1', '--consumer-property', 'session.timeout.ms=10000'],
      /^rivulet: --consumer-property session.timeout.ms needs --group\n$/,
    ],
    [
      ['bench', 'consume', 'a', '--messages', '1', '--consumer-property', 'fetch.min.bytes=x'],
      /^rivulet: --consumer-property fetch.min.bytes: expected a whole number from 0 to 4194304, got 'x'\n$/,
    ],
    [
      ['consume', 'a', '--group', 'g', '--consumer-property', 'session.timeout=1'],
      /^rivulet: --consumer-property session.timeout: expected one of client.id, /,
    ],
    [
      ['consume', 'a', '--group', 'g', '--consumer-property', 'session.timeout.ms=100'],
      /^rivulet: --consumer-property session.timeout.ms: expected a whole number from 6000 to 1800000, got '100'\n$/,
    ],
    [
      ['consume', 'a', '--group', 'g', '--consumer-property', 'auto.offset.reset=now'],
      /^rivulet: --consumer-property auto.offset.reset: expected one of earliest, latest, none, got 'now'\n$/,
    ],
    [
      ['consume', 'a', '--group', 'g', '--consumer-property', 'toString=1'],
      /^rivulet: --consumer-property toString: expected one of client.id, /,
    ],
    [
      ['consume', 'a', '--group', 'g', '--consumer-property', 'group.instance.id=a b'],
      /^rivulet: --consumer-property group.instance.id: "a b" may only have ASCII letters, digits/,
    ],
    [
      ['consume', 'a', '--group', 'g', '--from-beginning', '--consumer-property', 'auto.offset.reset=latest'],
      /^rivulet: --from-beginning and --consumer-property auto.offset.reset=latest exclude each other\n$/,
    ],
    [
      ['consume', 'a', '--group', 'g', '--consumer-property', 'heartbeat.interval.ms=20000'],
      /^rivulet: --consumer-property heartbeat.interval.ms: expected at most a third of session.timeout.ms \(45000\)/,
    ],
    [
      ['produce', 'a', '--property', 'parse.key=true', '--format', 'ndjson'],
      /^rivulet: --property: expected none with --format ndjson, got parse.key\n$/,
    ],
    [
      ['produce', 'a', '--property', 'null.markers=x'],
      /^rivulet: --property: expected one of parse.key, .*ignore.error, got null.markers\n$/,
    ],
    [
      ['produce', 'a', '--reader-property', 'headers.delimiter=,'],
      /^rivulet: --property headers.delimiter: expected another text than headers.separator, got "," for both\n$/,
    ],
    [
      ['consume', 'a', '--formatter-property', 'value.deserializer=Avro'],
      /^rivulet: --property value.deserializer: expected one of StringDeserializer, .*, got 'Avro'\n$/,
    ],
    [['produce', 'a', '--property', 'parse.key'], /'parse.key' is invalid. It must be name=value/],
    [['produce', 'a', '--compression-codec', 'zip'], /'zip' is invalid. Allowed choices are none, gzip/],
    [['topics', 'create', 'a', '--partitions', '0'], /'0' is invalid. It must be a whole number from 1 to 10000/],
    [['topics', 'alter', 'a'], /^rivulet: there is nothing to alter/],
    [['serve', '--no-kafka', '--kafka-port', '0'], /'--no-kafka' cannot be used with option '--kafka-port <port>'/],
    ...['noon', 'foo 1', '', '2026-02-30', '-7'].map((time): [string[], RegExp] => [
      ['offsets', 'a', '--time', time],
      new RegExp(`'--time <when>' argument '${time}' is invalid. It must be a time since 1970 like`),
    ]),
    [['offsets', 'a', '--time', '-5'], /'-5' is invalid. There is no tiered storage here: give earliest or latest/],
    [['offsets', 'a', '--partitions', '5-3'], /'5-3' is invalid. It must be like 0,2 or 3-5/],
    [['offsets', 'a', '--partitions', '0-10000'], /'0-10000' is invalid. It must be .* partitions from 0 to 9999\.\n$/],
    [
      ['topics', 'list', '--bootstrap-server', 'x'],
      /unknown option '--bootstrap-server': the service is named by --url/,
    ],
    [['groups', '--list'], /unknown option '--list': this is a command here: .*`rivulet groups list`\n$/],
    [['groups', 'delete-offsets', 'a', '--topic', 'b,c'], /It must be one topic; give --topic once for each/],
    [['groups', 'describe'], /^rivulet: the group is missing: name it, or give --group\n$/],
    [
      ['groups', 'describe', 'a', '--members', '--state'],
      /'--state' cannot be used with|'--members' cannot be used with/,
    ],
    [
      ['groups', 'describe', 'a', '--all-groups'],
      /^rivulet: --all-groups and the name of a group exclude each other\n$/,
    ],
    [['groups', 'list', '--state', 'Dead'], /It must be some of Empty, Assigning, Reconciling, Stable/],
    [['groups', 'delete'], /^rivulet: the group is missing/],
    [['groups', 'reset-offsets', 'a', '--topic', 'b'], /^rivulet: the target is missing: give one of the --to options/],
    [
      ['groups', 'reset-offsets', 'a', '--to-latest'],
      /^rivulet: the topics are missing: give --topic once for each topic, or --all-topics/,
    ],
    [
      ['groups', 'reset-offsets', 'a', '--topic', 'b', '--to-latest', '--shift-by', '-3'],
      /^rivulet: --to-latest and --shift-by exclude each other\n$/,
    ],
    [
      ['groups', 'reset-offsets', 'a', '--topic', 'b', '--all-topics', '--to-latest'],
      /^rivulet: --topic, --all-topics and --from-file exclude each other\n$/,
    ],
    [['groups', 'reset-offsets', 'a', '--topic', 'b:x', '--to-latest'], /It must be like 0,2 or 3-5/],
    [['groups', 'reset-offsets', 'a', '--topic', 'b', '--by-duration', '1h'], /It must be an ISO 8601 duration/],
    [
      ['groups', 'reset-offsets', 'a', '--topic', 'b', '--shift-by', '-x'],
      /'-x' is invalid. It must be a whole number of at most 15 digits, like 10 or -10/,
    ],
    [
      ['groups', 'reset-offsets', 'a', '--topic', 'b', '--to-latest', '--export', '--json'],
      /'--export' cannot be used with option '-o, --output <format>'/,
    ],
    [['groups', 'delete-offsets', 'a'], /^rivulet: the topics are missing: give --topic once for each topic\n$/],
    [
      ['groups', 'reset-offsets', 'a', '--topic', 'b', '--to-offset', '99999999999999999'],
      /'99999999999999999' is invalid. It must be a whole number from 0 to 9007199254740991\.\n$/,
    ],
    [['serve', '--data', ''], /'--data <directory>' argument '' is invalid. It must not be empty/],
    [['serve', '--host', ''], /'--host <address>' argument '' is invalid. It must not be empty/],
    [['audit', '--data', ''], /'--data <directory>' argument '' is invalid. It must not be empty/],
    [['serve', '--port', '70000'], /'70000' is invalid. It must be a whole number from 0 to 65535/],
  ])('%s', async (args, sentence) => {
    const { code, stdout, stderr } = await runHere(args);
    expect(stderr).toMatch(sentence);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('in a process of its own', async () => {
    const sentence = "rivulet: unknown command 'topic'\n(Did you mean topics?)\n";
    expect(await run(['topic', 'list'])).toEqual({ code: 2, stdout: '', stderr: sentence });
  });
});

describe('a service that is not there', () => {
  const url = 'http://127.0.0.1:1';

  test('is reported in one line within seconds', async () => {
    const started = performance.now();
    const { code, stderr } = await run(['topics', 'list', '--url', url]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^rivulet: .*ECONNREFUSED.*`npx rivulet serve` starts one.*\(NETWORK_EXCEPTION\)\n$/);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('is reported with its stack under RIVULET_DEBUG=1', async () => {
    const { stderr } = await runHere(['topics', 'list', '--url', url], { environment: { RIVULET_DEBUG: '1' } });
    expect(stderr).toMatch(/\n {4}at /);
  });
});

test('an invalid URL and half of the credentials are refused', async () => {
  expect((await runHere(['topics', 'list', '--url', 'localhost'])).stderr).toMatch(
    /^rivulet: url: expected an address like http.*, got 'localhost' \(/,
  );
  const half = await runHere(['topics', 'list'], { environment: { RIVULET_ACCESS_KEY_ID: 'me' } });
  expect(half).toMatchObject({ code: 1, stderr: expect.stringContaining('must be given together') });
});

test('the launcher of scripts names a script that does not exist', async () => {
  expect(await start('bin/node24.cjs', []).finished).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/expected a script, got none: .*\n$/),
  });
  expect(await start('bin/node24.cjs', ['none.ts']).finished).toMatchObject({
    code: 2,
    stderr: 'node24: there is no script none.ts\n',
  });
});
