// The users file and the tokens, as the command line makes them, and a service that takes them.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newFile, newRoot } from '../kafka/auth/certificates.ts';
import { plainOn, scramOn } from '../kafka/auth/sasl.ts';
import { key, openWire } from '../kafka/wire.ts';
import { runHere } from './here.ts';
import { newDirectory, startService } from './processes.ts';

const users = (...args: string[]) => ['kafka', 'users', ...args];

describe('users', () => {
  test('are added, listed, given another password and removed; the file is for its owner alone', async () => {
    const file = join(newDirectory(), 'users.json');
    expect(await runHere(users('add', 'ada', '--file', file), { input: 'a secret\n' })).toMatchObject({ code: 0 });
    await runHere(users('add', 'eve', '--file', file), { input: 'another' });
    const before = JSON.parse(readFileSync(file, 'utf8'));
    await runHere(users('add', 'eve', '--file', file), { input: 'changed\nand no second line\n' });
    const after = JSON.parse(readFileSync(file, 'utf8'));
    expect(after.users[0]).toEqual(before.users[0]);
    expect(after.users[1]['SCRAM-SHA-256']).not.toEqual(before.users[1]['SCRAM-SHA-256']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain('a secret');
    expect((await runHere(users('list', '--file', file))).stdout).toBe('ada\neve\n');
    await runHere(users('remove', 'ada', '--file', file));
    expect(JSON.parse((await runHere(users('list', '--file', file, '--json'))).stdout)).toEqual({ users: ['eve'] });
  });

  test.each([
    ['no password', ['add', 'ada'], '', /password: expected a line/],
    ['an empty password', ['add', 'ada'], '\n', /password: expected one character or more/],
    ['a name that hides something', ['add', 'a\u0000b'], 'x\n', /user: expected 1 to 255 printable/],
    ['a user that is not there', ['remove', 'eve'], '', /there is no user eve/],
  ])('are refused with %s, and the file stays', async (_, args, input, reason) => {
    const file = join(newDirectory(), 'users.json');
    await runHere(users('add', 'ada', '--file', file), { input: 'a secret\n' });
    const before = readFileSync(file, 'utf8');
    const { code, stderr } = await runHere(users(...args, '--file', file), { input });
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('a damaged file is named, and not replaced', async () => {
    const file = newFile('{"version":1}');
    const { code, stderr } = await runHere(users('add', 'ada', '--file', file), { input: 'x\n' });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/users file: secret/)]);
    expect(readFileSync(file, 'utf8')).toBe('{"version":1}');
    expect((await runHere(users('list', '--file', `${file}.none`))).stderr).toMatch(/there is no such file/);
  });
});

test('a token needs a region, and comes from the credentials of AWS', async () => {
  const environment = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };
  const args = ['kafka', 'token', '--cluster', 'orders'];
  expect((await runHere(args, { environment })).stderr).toMatch(/--region: expected the region/);
  const { stdout } = await runHere([...args, '--region', 'eu-west-1'], { environment });
  expect(stdout).toMatch(/^rivulet-sts-v1\.[\w-]+\n$/);
  const { token, expiresAt } = JSON.parse(
    (await runHere([...args, '--json'], { environment: { ...environment, AWS_REGION: 'eu-west-1' } })).stdout,
  );
  expect(token).toMatch(/^rivulet-sts-v1\./);
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(890_000);
});

describe('rivulet serve', () => {
  test('takes certificates, users and rules, and tells clients the address that it is given', async () => {
    const root = await newRoot();
    const { cert, key: own } = await root.sign('CN=localhost');
    const directory = newDirectory();
    const file = join(directory, 'users.json');
    await runHere(users('add', 'ada', '--file', file), { input: 'a secret\n' });
    const rules = join(directory, 'rules.json');
    const allow = (operations: string[]) =>
      writeFileSync(
        rules,
        JSON.stringify({ version: 1, rules: [{ principals: ['ada'], operations, topics: ['orders'] }] }),
      );
    allow(['DESCRIBE', 'CREATE']);
    const args = ['--kafka-port', '0', '--kafka-host', '0.0.0.0', '--kafka-advertise', 'kafka.example:9094'];
    args.push(
      '--kafka-tls-cert',
      newFile(cert),
      '--kafka-tls-key',
      newFile(own),
      '--kafka-users',
      file,
      '--kafka-rules',
      rules,
    );
    const service = await startService(join(directory, 'data'), { kafka: true, args });
    const [, port] = await service.until(/Kafka's clients connect to 0\.0\.0\.0:(\d+)/);
    const wire = await openWire(Number(port), { ca: root.cert });
    expect(await plainOn(wire, 'ada', 'a secret')).toMatchObject({ errorCode: 0 });
    const asked = { topics: [{ name: 'orders' }, { name: 'secret' }], allowAutoTopicCreation: true };
    const { brokers, topics } = await wire.ask(key.metadata, 9, asked);
    expect(brokers).toMatchObject([{ host: 'kafka.example', port: 9094 }]);
    expect(topics).toMatchObject([
      { name: 'orders', errorCode: 0 },
      { name: 'secret', errorCode: 29 },
    ]);
    const other = await openWire(Number(port), { ca: root.cert });
    expect(await scramOn(other, 'SCRAM-SHA-512', 'ada', 'a guess')).toMatchObject({ errorCode: 58 });
    wire.close();
    const { code, stderr } = await service.stop('SIGTERM');
    expect([code, stderr]).toEqual([0, 'rivulet: a Kafka connection was closed: wrong user or password\n']);
  });

  test.each([
    ['an address of others without TLS', ['--kafka-host', '0.0.0.0'], /others can reach it, so it needs TLS/],
    [
      'a certificate without its key',
      ['--kafka-tls-cert', 'c'],
      /--kafka-tls-cert: expected --kafka-tls-key beside it/,
    ],
    [
      'roots without a certificate',
      ['--kafka-tls-client-ca', 'c'],
      /--kafka-tls-client-ca: expected --kafka-tls-cert beside it/,
    ],
    [
      'an issuer without an audience',
      ['--kafka-oauth-issuer', 'i', '--kafka-oauth-keys', 'k'],
      /expected --kafka-oauth-audience beside/,
    ],
    ['a cluster without a region', ['--kafka-sts-cluster', 'c'], /expected --kafka-sts-region/],
    ['a file that is not there', ['--kafka-users', '/no/such/users.json'], /\/no\/such\/users\.json: ENOENT/],
  ])('does not start with %s', async (_, args, reason) => {
    const all = ['serve', '--port', '0', '--kafka-port', '0', '--data', join(newDirectory(), 'data'), ...args];
    const { code, stderr } = await runHere(all);
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
  });
});
