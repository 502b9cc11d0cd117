// A connection may do little before and while it authenticates, and is closed if it does anything else.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { withoutUser, withUser } from '../../../kafka/auth/sasl/users.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { eventually } from '../../eventually.ts';
import { type Service, startService } from '../service.ts';
import { key, sizeOf, type Wire } from '../wire.ts';
import { newFile } from './certificates.ts';
import { clientFinal, say, scramOn, serverFirst, shake } from './sasl.ts';

let users: string;
let service: Service;

beforeAll(async () => {
  users = newFile(await withUser(await withUser(undefined, 'ada', 'a secret'), 'al=ice,', 'another'));
  service = await startService({ security: { usersFile: users } });
});

const metadata = (wire: Wire) => wire.ask(key.metadata, 9, { topics: [] });
const closes = async (wire: Wire, asked: Promise<unknown>): Promise<void> => {
  await expect(asked).rejects.toThrow('the connection was closed');
  await wire.closed;
};

describe('before it authenticates, a connection', () => {
  test('is told which APIs and mechanisms there are, and no secret is asked for without TLS', async () => {
    const wire = await service.connect();
    expect((await wire.ask(key.apiVersions, 3)).errorCode).toBe(0);
    expect(await shake(wire, 'PLAIN')).toEqual({ errorCode: 33, mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512'] });
  });

  test.each([
    ['a request', (wire: Wire) => metadata(wire)],
    ['a message before the handshake', (wire: Wire) => say(wire, 'n,,n=ada,r=x')],
    ['an API that is not offered', (wire: Wire) => wire.ask(38, 2)],
    [
      'a request between handshake and message',
      async (wire: Wire) => {
        await shake(wire, 'SCRAM-SHA-256');
        return metadata(wire);
      },
    ],
    [
      'a second handshake',
      async (wire: Wire) => {
        await shake(wire, 'SCRAM-SHA-256');
        return shake(wire, 'SCRAM-SHA-512');
      },
    ],
    [
      'a request in the middle of the exchange',
      async (wire: Wire) => {
        await shake(wire, 'SCRAM-SHA-256');
        await say(wire, 'n,,n=ada,r=x');
        return metadata(wire);
      },
    ],
  ])('is closed after %s', async (_, ask) => {
    const wire = await service.connect();
    await closes(wire, ask(wire));
  });

  test('is closed after a frame of more than 64 KiB, and allowed a longer one afterwards', async () => {
    const wire = await service.connect();
    const long = sizeOf([Buffer.alloc(65_537)]);
    wire.socket.write(long);
    await wire.closed;
    expect(service.failures.at(-1)).toBe('frame: expected 8 to 65536 bytes, got 65537');
    const known = await service.connect();
    await scramOn(known, 'SCRAM-SHA-256', 'ada', 'a secret');
    const wide = { topics: Array.from({ length: 3_000 }, (_, i) => ({ name: `a-topic-with-a-name-of-its-own-${i}` })) };
    expect((await known.ask(key.metadata, 9, { ...wide, allowAutoTopicCreation: false })).topics).toHaveLength(3_000);
  });

  test('gets nothing for requests that it sends together with a proof that is wrong', async () => {
    const wire = await service.connect();
    await shake(wire, 'SCRAM-SHA-256');
    const first = serverFirst((await say(wire, 'n,,n=ada,r=x')).authBytes);
    const wrong = say(wire, clientFinal('SCRAM-SHA-256', 'n=ada,r=x', first, 'a guess').text);
    const behind = metadata(wire);
    expect(await wrong).toMatchObject({ errorCode: 58 });
    await closes(wire, behind);
  });

  test('has its requests answered that it sends together with the right proof', async () => {
    const wire = await service.connect();
    await shake(wire, 'SCRAM-SHA-256');
    const first = serverFirst((await say(wire, 'n,,n=ada,r=x')).authBytes);
    const right = say(wire, clientFinal('SCRAM-SHA-256', 'n=ada,r=x', first, 'a secret').text);
    const behind = metadata(wire);
    expect([await right, await behind]).toMatchObject([{ errorCode: 0 }, { controllerId: 1 }]);
  });
});

describe('SCRAM', () => {
  test.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s: both sides prove themselves', async (name) => {
    const wire = await service.connect();
    await shake(wire, name);
    const clientFirst = 'n=ada,r=fyko+d2lbbFgONRv9qkxdawL';
    const first = serverFirst((await say(wire, `n,,${clientFirst}`)).authBytes);
    const { text, serverFinal } = clientFinal(name, clientFirst, first, 'a secret');
    const last = await say(wire, text);
    expect(Buffer.from(last.authBytes).toString()).toBe(serverFinal);
    expect(await metadata(wire)).toMatchObject({ controllerId: 1 });
  });

  test('takes a name with the characters that are escaped', async () => {
    const wire = await service.connect();
    expect(await scramOn(wire, 'SCRAM-SHA-256', 'al=3Dice=2C', 'another')).toMatchObject({ errorCode: 0 });
  });

  test('takes the nonce as librdkafka 2.0.2 sends it: with its own part twice', async () => {
    const wire = await service.connect();
    await shake(wire, 'SCRAM-SHA-256');
    const first = serverFirst((await say(wire, 'n,,n=ada,r=abcdef')).authBytes);
    const doubled = { ...first, nonce: `abcdef${first.nonce}` };
    expect(await say(wire, clientFinal('SCRAM-SHA-256', 'n=ada,r=abcdef', doubled, 'a secret').text)).toMatchObject({
      errorCode: 0,
    });
  });

  test('a proof is good for one exchange', async () => {
    const [one, two] = [await service.connect(), await service.connect()];
    const clientFirst = 'n=ada,r=the same nonce'.replaceAll(' ', '-');
    await shake(one, 'SCRAM-SHA-256');
    const first = serverFirst((await say(one, `n,,${clientFirst}`)).authBytes);
    const { text } = clientFinal('SCRAM-SHA-256', clientFirst, first, 'a secret');
    await shake(two, 'SCRAM-SHA-256');
    await say(two, `n,,${clientFirst}`);
    expect(await say(two, text)).toMatchObject({ errorCode: 58, errorMessage: expect.stringContaining('nonce') });
    expect(await say(one, text)).toMatchObject({ errorCode: 0 });
    expect(await say(one, text)).toMatchObject({ errorCode: 34 });
  });

  test('an unknown user and a wrong password have the same answers, with a salt that stays', async () => {
    const saltOf = async (user: string, password: string) => {
      const wire = await service.connect();
      await shake(wire, 'SCRAM-SHA-256');
      const first = serverFirst((await say(wire, `n,,n=${user},r=x`)).authBytes);
      const last = await say(wire, clientFinal('SCRAM-SHA-256', `n=${user},r=x`, first, password).text);
      await wire.closed;
      return { salt: first.salt, iterations: first.iterations, last };
    };
    const known = await saltOf('ada', 'a guess');
    const unknown = await saltOf('eve', 'a guess');
    expect(known.last).toEqual(unknown.last);
    expect(known.last).toMatchObject({ errorCode: 58, errorMessage: 'wrong user or password' });
    expect(Buffer.from(unknown.salt, 'base64')).toHaveLength(Buffer.from(known.salt, 'base64').length);
    expect(unknown.iterations).toBe(known.iterations);
    expect((await saltOf('eve', 'b')).salt).toBe(unknown.salt);
    expect((await saltOf('eva', 'b')).salt).not.toBe(unknown.salt);
    expect((await saltOf('__proto__', 'b')).last).toEqual(unknown.last);
  });

  test.each([
    ['no bytes', ''],
    ['no header', 'n=ada,r=x'],
    ['channel binding', 'p=tls-unique,,n=ada,r=x'],
    ['an extension that must be understood', 'n,,m=x,n=ada,r=x'],
    ['no name', 'n,,n=,r=x'],
    ['no nonce', 'n,,n=ada,r='],
    ['an escape that does not exist', 'n,,n=a=00da,r=x'],
    ['another name to act as', 'n,a=root,n=ada,r=x'],
    ['bytes that are no text', Buffer.from([0x6e, 0x2c, 0x2c, 0xff])],
    ['a text without end', `n,,n=ada,r=${'x,'.repeat(30_000)}\u0000`.slice(0, 60_000).replace('r=x', 'r=')],
  ])('refuses %s', async (_, message) => {
    const wire = await service.connect();
    await shake(wire, 'SCRAM-SHA-256');
    expect(await say(wire, message)).toMatchObject({ errorCode: 58 });
    await wire.closed;
  });

  test.each([
    ['another channel binding', (final: string) => final.replace('c=biws', 'c=eSws')],
    ['no proof', (final: string) => final.replace(/,p=.*/, '')],
    ['a short proof', (final: string) => final.replace(/,p=.*/, ',p=AAAA')],
    ['an empty proof', (final: string) => final.replace(/,p=.*/, ',p=')],
    ['a shorter nonce', (final: string) => final.replace(/,r=[^,]*/, ',r=x')],
    ['a nonce in front of the binding', (final: string) => final.replace(/^(c=[^,]*),(r=[^,]*)/, '$2,$1')],
  ])('refuses %s at the end', async (_, change) => {
    const wire = await service.connect();
    await shake(wire, 'SCRAM-SHA-256');
    const first = serverFirst((await say(wire, 'n,,n=ada,r=x')).authBytes);
    const { text } = clientFinal('SCRAM-SHA-256', 'n=ada,r=x', first, 'a secret');
    expect(await say(wire, change(text))).toMatchObject({ errorCode: 58 });
    await wire.closed;
  });
});

test('SCRAM refuses a proof over another channel binding than the one that it began with', async () => {
  const wire = await service.connect();
  await shake(wire, 'SCRAM-SHA-256');
  const first = serverFirst((await say(wire, 'n,,n=ada,r=x')).authBytes);
  const { text } = clientFinal('SCRAM-SHA-256', 'n=ada,r=x', first, 'a secret', 'y,,');
  expect(await say(wire, text)).toMatchObject({ errorCode: 58 });
});

describe('version 0 of the handshake: messages without headers', () => {
  const raw = (wire: Wire, message: string): void => {
    const bytes = Buffer.from(message);
    wire.socket.write(Buffer.concat([sizeOf([bytes]), bytes]));
  };
  const rawReply = (wire: Wire): Promise<Buffer> =>
    new Promise((resolve) => wire.socket.once('data', (chunk: Buffer) => resolve(chunk.subarray(4))));

  async function begin(wire: Wire) {
    await shake(wire, 'SCRAM-SHA-256', 0);
    // The next message is no reply to a request.
    const listeners = wire.socket.rawListeners('data');
    wire.socket.removeAllListeners('data');
    const reply = rawReply(wire);
    raw(wire, 'n,,n=ada,r=x');
    const first = serverFirst(await reply);
    return { first, restore: () => void wire.socket.on('data', listeners[0] as () => void) };
  }

  test('authenticates, and requests follow', async () => {
    const wire = await service.connect();
    const { first, restore } = await begin(wire);
    const { text, serverFinal } = clientFinal('SCRAM-SHA-256', 'n=ada,r=x', first, 'a secret');
    const last = rawReply(wire);
    raw(wire, text);
    expect((await last).toString()).toBe(serverFinal);
    wire.socket.removeAllListeners('data');
    restore();
    expect(await metadata(wire)).toMatchObject({ controllerId: 1 });
  });

  test('is closed when the proof is wrong', async () => {
    const wire = await service.connect();
    const { first } = await begin(wire);
    raw(wire, clientFinal('SCRAM-SHA-256', 'n=ada,r=x', first, 'a guess').text);
    await wire.closed;
    expect(service.failures.at(-1)).toBe('wrong user or password');
  });
});

describe('a connection that has authenticated', () => {
  test('may do so again as the same principal, with the same mechanism', async () => {
    const wire = await service.connect();
    await scramOn(wire, 'SCRAM-SHA-256', 'ada', 'a secret');
    expect(await scramOn(wire, 'SCRAM-SHA-256', 'ada', 'a secret')).toMatchObject({ errorCode: 0 });
    expect(await shake(wire, 'SCRAM-SHA-512')).toMatchObject({ errorCode: 34 });
    expect(await metadata(wire)).toMatchObject({ controllerId: 1 });
  });

  test('is closed when it becomes another principal, and when it fails', async () => {
    const other = await service.connect();
    await scramOn(other, 'SCRAM-SHA-256', 'ada', 'a secret');
    const became = await scramOn(other, 'SCRAM-SHA-256', 'al=3Dice=2C', 'another');
    expect(became).toMatchObject({ errorCode: 58, errorMessage: expect.stringContaining('same principal') });
    await other.closed;
    const wire = await service.connect();
    await scramOn(wire, 'SCRAM-SHA-256', 'ada', 'a secret');
    expect(await scramOn(wire, 'SCRAM-SHA-256', 'ada', 'a guess')).toMatchObject({ errorCode: 58 });
    await wire.closed;
  });

  test('is closed at its next request when its user has been removed, and not when another one was', async () => {
    const file = newFile(await withUser(await withUser(undefined, 'ada', 'a secret'), 'eve', 'another'));
    const own = await startService({ security: { usersFile: file }, lookMs: 20 });
    const [ada, eve] = [await own.connect(), await own.connect()];
    await scramOn(ada, 'SCRAM-SHA-256', 'ada', 'a secret');
    await scramOn(eve, 'SCRAM-SHA-256', 'eve', 'another');
    const text = withoutUser(readFileSync(file, 'utf8'), 'eve');
    writeFileSync(file, 'half a fi');
    await eventually(() => expect(own.failures.at(-1)).toMatch(/what was read before stays in use: users file/));
    expect(await metadata(eve)).toMatchObject({ controllerId: 1 });
    writeFileSync(file, text);
    await eventually(() => expect(metadata(eve)).rejects.toThrow('closed'));
    expect(own.failures.at(-1)).toMatch(/the session is over/);
    rmSync(file);
    await eventually(() => expect(own.failures.at(-1)).toMatch(/ENOENT/));
    expect(await metadata(ada)).toMatchObject({ controllerId: 1 });
  });
});

describe('a listener without SASL', () => {
  test('answers a handshake with ILLEGAL_SASL_STATE, and serves', async () => {
    const open = await startService();
    const wire = await open.connect();
    expect(await shake(wire, 'PLAIN')).toEqual({ errorCode: 34, mechanisms: [] });
    expect(await say(wire, 'x')).toMatchObject({ errorCode: 34 });
    expect(await metadata(wire)).toMatchObject({ controllerId: 1 });
  });
});

describe('connections that nobody knows', () => {
  test('are few: the oldest goes when one more comes, and a client that is known stays', async () => {
    const own = await startService({ security: { usersFile: users }, limits: { unauthenticatedConnections: 2 } });
    const known = await own.connect();
    await scramOn(known, 'SCRAM-SHA-256', 'ada', 'a secret');
    const [first, second, third] = [await own.connect(), await own.connect(), await own.connect()];
    await first.closed;
    for (const wire of [second, third, known])
      expect(await wire.ask(key.apiVersions, 3)).toMatchObject({ errorCode: 0 });
    expect(await scramOn(second, 'SCRAM-SHA-256', 'ada', 'a secret')).toMatchObject({ errorCode: 0 });
  });

  test('are closed after a time, whatever they ask meanwhile', async () => {
    const own = await startService({ security: { usersFile: users }, limits: { authenticationMs: 300 } });
    const [known, silent, asking] = [await own.connect(), await own.connect(), await own.connect()];
    await scramOn(known, 'SCRAM-SHA-256', 'ada', 'a secret');
    const asked = (async () => {
      for (;;) await asking.ask(key.apiVersions, 3);
    })();
    await Promise.all([silent.closed, asking.closed, expect(asked).rejects.toThrow('closed')]);
    expect(await metadata(known)).toMatchObject({ controllerId: 1 });
  });
});

test('listens to others only with TLS and with rules, and offers no secret mechanism without TLS', async () => {
  const { engine } = service;
  const start = (security: object, host: string) =>
    startService({ wrap: () => engine, security, host, clock: systemClock });
  await expect(start({ usersFile: users }, '0.0.0.0')).rejects.toThrow('needs TLS');
  await expect(start({ tls: { certFile: 'a', keyFile: 'b' } }, '0.0.0.0')).rejects.toThrow('needs a rules file');
  const oauth = { issuer: 'i', audience: 'a', keys: newFile('{"keys":[]}') };
  await expect(start({ oauth }, '127.0.0.1')).rejects.toThrow('OAUTHBEARER: expected TLS');
  await expect(start({ oauth: { ...oauth, keys: 'http://issuer/keys' } }, '127.0.0.1')).rejects.toThrow(
    'an https address',
  );
  await expect(start({ oauth: { ...oauth, algorithms: ['HS256'] } }, '127.0.0.1')).rejects.toThrow('got HS256');
  await expect(start({ usersFile: '/no/such/file' }, '127.0.0.1')).rejects.toThrow('/no/such/file: ENOENT');
});
