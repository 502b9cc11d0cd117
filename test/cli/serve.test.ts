import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isClientError } from '../../client/client-error.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { eventually } from '../eventually.ts';
import { reasonToSkip } from '../local/curl.ts';
import { open, signedFetch, signedHead } from '../local/wire.ts';
import { runHere } from './here.ts';
import { launcher, newDirectory, run, start, startService } from './processes.ts';

const topic = 'orders';

async function makeTopic(url: string): Promise<void> {
  await new Rivulet({ url }).admin().createTopics({ topics: [{ topic, partitions: 2 }] });
}

test('serve prints where it listens and lines to paste, and the pasted lines work', async () => {
  const directory = join(newDirectory(), 'made/when/missing');
  const service = await startService(directory);
  const greeting = await service.until(/Ctrl-C stops it/).then(() => service.stdout());
  expect(greeting).toContain(`Data directory: ${directory}\n`);
  expect(existsSync(join(directory, 'README.txt'))).toBe(true);
  const lines = greeting.match(/^ {2}.*rivulet .*$/gm)!;
  const commands = lines.map((line) => line.replace(/^.*npx rivulet /, '').split(' '));
  expect(commands.map(([name]) => name)).toEqual(['topics', 'produce', 'consume']);
  for (const command of commands) {
    if (command[0] === 'consume') command.push('--max-messages', '1');
    expect(await run(command, { input: 'hello\n' })).toMatchObject({ code: 0 });
  }
  expect(greeting).toContain(
    `curl -w '\\n' --aws-sigv4 aws:amz:us-east-1:execute-api --user local:local ${service.url}/v1/topics`,
  );
  expect((await service.stop('SIGTERM')).code).toBe(0);
});

const own = { RIVULET_ACCESS_KEY_ID: 'me', RIVULET_SECRET_ACCESS_KEY: 'a secret of mine' };
const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
const others = addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);

type Host = readonly [host: string, environment: Record<string, string>];
const hosts: readonly Host[] = [
  ['localhost', {}],
  ...(process.platform === 'linux' ? [['127.0.0.2', {}] as const] : []),
  ...(addresses.some(({ address }) => address === '::1') ? [['[::1]', {}] as const] : []),
  ['0.0.0.0', own],
  ...others.slice(0, 1).map((address) => [address, own] as const),
];

test.each(hosts)('the printed lines to paste work at the address %s', async (host, environment) => {
  const service = await startService(newDirectory(), { args: ['--host', host], environment });
  await service.until(/Ctrl-C stops it/);
  const [, command] = /npx rivulet (topics create .*)/.exec(service.stdout())!;
  // AWS_REGION does not name the region of a service on this machine.
  const shell = { ...environment, AWS_REGION: 'eu-west-1' };
  const args = command!.replaceAll("'", '').split(' ');
  expect(await runHere(args, { environment: shell })).toMatchObject({ code: 0, stderr: '' });
  const [, curl] = /^ {2}(curl .*)$/m.exec(service.stdout())!;
  const env = { ...process.env, ...environment };
  if ((await reasonToSkip()) === undefined)
    expect(execFileSync('sh', ['-c', curl!], { env, encoding: 'utf8' })).toContain('"topic":"orders"');
  await service.stop('SIGTERM');
});

describe('a signal to stop', () => {
  test('lets requests under way finish, and every acknowledged record is there after a restart', async () => {
    const directory = newDirectory();
    const service = await startService(directory);
    await makeTopic(service.url);
    const acknowledged: Acknowledged[] = [];
    const sends = produceUntilRefused(service.url, acknowledged);
    const poll = signedFetch(service.url, {
      method: 'POST',
      path: `/v1/topics/${topic}/fetch`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ partitions: [{ partition: 1, offset: 0 }], waitMs: 20_000 }),
    });
    // The service has the fetch by then, because it was sent before most of them.
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(30));
    const stopping = service.stop('SIGTERM');
    expect((await poll).status).toBe(200);
    expect(await stopping).toMatchObject({ code: 0, stdout: expect.stringMatching(/Stopped\.\n$/), stderr: '' });
    await sends;
    const again = await startService(directory);
    const args = ['consume', topic, '--partition', '0', '--offset', 'earliest'];
    const limit = ['--max-messages', `${acknowledged.at(-1)!.offset + 1}`];
    const { stdout } = await runHere([...args, ...limit, '--url', again.url]);
    const stored = stdout.trimEnd().split('\n');
    for (const { offset, value } of acknowledged) expect(stored[offset]).toBe(value);
    await again.stop('SIGINT');
  });

  test('that comes a second time ends the service without waiting', async () => {
    const service = await startService(newDirectory());
    await makeTopic(service.url);
    // A request that never becomes complete keeps the first signal waiting.
    const { socket } = await openHalfRequest(service.url);
    const pressing = setInterval(() => service.child.kill('SIGINT'), 100);
    expect(await service.finished).toMatchObject({ code: 130, stdout: expect.stringMatching(/Finishing .*\n$/) });
    clearInterval(pressing);
    socket.destroy();
  });
});

type Acknowledged = { readonly offset: number; readonly value: string };

/** Sends one record after the other, each in a request of its own. Adds those that are acknowledged. */
async function produceUntilRefused(url: string, acknowledged: Acknowledged[]): Promise<void> {
  const producer = new Rivulet({ url, retry: { retries: 0 } }).producer({ lingerMs: 0, deliveryTimeoutMs: 2_000 });
  try {
    for (let i = 0; ; i++) {
      const value = `record ${i}`;
      const [written] = await producer.send({ topic, messages: [{ value, partition: 0 }] });
      acknowledged.push({ offset: written!.offset, value });
    }
  } catch (error) {
    if (!isClientError(error)) throw error;
  }
  await producer.disconnect();
}

async function openHalfRequest(url: string) {
  const path = `/v1/topics/${topic}/records`;
  const head = signedHead(url, { method: 'POST', path, body: '{}' }, ['content-length: 2', 'expect: 100-continue']);
  const wire = open(url, head);
  await wire.until('100 Continue');
  return wire;
}

describe('serve refuses in one sentence, and ends with 1, for', () => {
  const refused = async (args: string[], environment: Record<string, string> = {}): Promise<string> => {
    const { code, stderr } = await run(['serve', ...args], { environment });
    expect(stderr).toMatch(/^rivulet: [^\n]+\n$/);
    expect(code).toBe(1);
    return stderr;
  };

  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const data = join(newDirectory(), 'not-there');
    const sentence = await refused(['--port', String(port), '--data', data]);
    expect(sentence).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(existsSync(data)).toBe(false);
    other.close();
  });

  test('a data directory in use', async () => {
    const directory = newDirectory();
    const service = await startService(directory);
    expect(await refused(['--port', '0', '--data', directory])).toContain(`using the folder ${directory}`);
    await service.stop('SIGTERM');
  });

  test('a directory that holds other files', async () => {
    const directory = join(import.meta.dirname);
    expect(await refused(['--port', '0', '--data', directory])).toContain('is not empty and holds no Rivulet data');
  });

  test('a public address without credentials of one’s own', async () => {
    const args = ['--port', '0', '--host', '0.0.0.0', '--data', newDirectory()];
    expect(await refused(args)).toMatch(/others can reach 0\.0\.0\.0: .*RIVULET_ACCESS_KEY_ID/);
    expect(await refused([...args, '--access-key', 'me'])).toContain('RIVULET_SECRET_ACCESS_KEY');
  });

  test('a URL in the place of an allowed host name', async () => {
    const args = ['--port', '0', '--allow-host', 'http://build.example', '--data', newDirectory()];
    expect(await refused(args)).toContain('expected a name or an address, without scheme and port');
  });

  test('an origin of pages that is none', async () => {
    const args = ['--port', '0', '--cors-origin', '*', '--data', newDirectory()];
    expect(await refused(args)).toContain('corsOrigin: expected an origin like http://localhost:5173, got "*"');
  });
});

test('with credentials of one’s own, the service takes no others, and the command line uses the same', async () => {
  const environment = own;
  const service = await startService(newDirectory(), { environment });
  const list = ['topics', 'list', '--url', service.url];
  expect(await runHere(list, { environment })).toMatchObject({ code: 0, stderr: '' });
  expect(await runHere(list)).toMatchObject({ code: 1, stderr: expect.stringContaining('(FORBIDDEN') });
  expect(service.stdout()).not.toContain('a secret of mine');
  await service.stop('SIGTERM');
});

test('the service tells the pages of each --cors-origin that they may call', async () => {
  const origins = ['https://app.example.com', 'http://localhost:5173'];
  const service = await startService(newDirectory(), { args: origins.flatMap((one) => ['--cors-origin', one]) });
  const allowed = async (origin: string) => {
    const headers = { origin, 'access-control-request-method': 'PUT' };
    const answer = await fetch(`${service.url}/v1/topics/orders`, { method: 'OPTIONS', headers });
    return answer.headers.get('access-control-allow-origin');
  };
  expect(await Promise.all([...origins, 'https://evil.example'].map(allowed))).toEqual([...origins, null]);
  await service.stop('SIGTERM');
});

test('the service answers to the host names that it is configured with', async () => {
  const args = ['--allow-host', 'build.example', '--allow-host', 'other.example'];
  const service = await startService(newDirectory(), { args });
  const statusFor = async (host: string): Promise<string> => {
    const wire = open(service.url, signedHead(`http://${host}:9292`, { path: '/v1/topics' }));
    const [line = ''] = (await wire.until('\r\n')).split('\r\n');
    wire.socket.destroy();
    return line.split(' ')[1] ?? line;
  };
  expect(await Promise.all(['build.example', 'other.example', 'localhost', 'evil.example'].map(statusFor))).toEqual([
    '200',
    '200',
    '200',
    '403',
  ]);
  await service.stop('SIGTERM');
});

test('an internal failure is printed with the request and the reason', async () => {
  const directory = newDirectory();
  const service = await startService(directory);
  await makeTopic(service.url);
  rmSync(join(directory, 'objects'), { recursive: true, force: true });
  // No object can be put below a file.
  writeFileSync(join(directory, 'objects'), '');
  const send = () =>
    signedFetch(service.url, {
      method: 'POST',
      path: `/v1/topics/${topic}/records`,
      headers: { 'content-type': 'application/json' },
      body: '{"records":[{"value":"x"}]}',
    });
  const first = await send();
  expect(first.status).toBe(503);
  await send();
  const { stderr } = await service.stop('SIGTERM');
  const requestId = first.headers.get('rivulet-request-id');
  expect(stderr).toMatch(
    new RegExp(
      `^rivulet: POST /v1/topics/orders/records answered 503 STORAGE_UNAVAILABLE, request ${requestId}: the folder of objects: E[^\\n]+\\n$`,
    ),
  );
});

test('npm start is rivulet serve', async () => {
  const { scripts } = JSON.parse(readFileSync(join(launcher, '../../package.json'), 'utf8'));
  expect(scripts.start).toBe('node bin/rivulet.cjs serve');
  const service = start(launcher, ['serve', '--port', '0', '--kafka-port', '0', '--data', newDirectory()]);
  await service.until(/listens on/);
  service.child.kill('SIGTERM');
  expect((await service.finished).code).toBe(0);
});
