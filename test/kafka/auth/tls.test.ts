// TLS: only a client that trusts our certificate connects, certificates of clients are their principals, and renewed files are
// used without a restart.
import { writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { withUser } from '../../../kafka/auth/sasl/users.ts';
import { eventually } from '../../eventually.ts';
import { startService } from '../service.ts';
import { key, type Wire } from '../wire.ts';
import { newFile, newRoot, type Root, type Signed } from './certificates.ts';
import { plainOn, say, shake } from './sasl.ts';

let root: Root;
let server: Signed;
let files: { certFile: string; keyFile: string };

beforeAll(async () => {
  root = await newRoot();
  server = await root.sign('CN=localhost');
  files = { certFile: newFile(server.cert), keyFile: newFile(server.key) };
});

const metadata = (wire: Wire) => wire.ask(key.metadata, 9, { topics: null });
const rulesFor = (principal: string) =>
  newFile(
    JSON.stringify({ version: 1, rules: [{ principals: [principal], operations: ['DESCRIBE'], topics: ['orders'] }] }),
  );

describe('without certificates of clients', () => {
  test('serves over TLS, and closes what is no TLS', async () => {
    const service = await startService({ security: { tls: files } });
    expect(await metadata(await service.connect({ ca: root.cert }))).toMatchObject({ controllerId: 1 });
    const plain = connectPlain(service.port, '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => plain.once('close', resolve));
    expect(service.failures.at(-1)).toMatch(/http request/);
  });

  test('a client refuses a certificate that its roots do not vouch for', async () => {
    const service = await startService({ security: { tls: files } });
    const other = await newRoot('CN=another root');
    const socket = connect({ port: service.port, host: '127.0.0.1', ca: other.cert });
    await expect(new Promise((_, reject) => socket.once('error', reject))).rejects.toThrow(
      /unable to verify|self.signed/,
    );
  });

  test('speaks TLS 1.2 or later', async () => {
    const service = await startService({ security: { tls: files } });
    const old = connect({
      port: service.port,
      host: '127.0.0.1',
      ca: root.cert,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await expect(new Promise((_, reject) => old.once('error', reject))).rejects.toThrow();
  });

  test('PLAIN works, and tells an unknown user from a wrong password by nothing', async () => {
    const usersFile = newFile(await withUser(undefined, 'ada', 'pass\u{1f511}word'));
    const service = await startService({ security: { tls: files, usersFile } });
    const open = () => service.connect({ ca: root.cert });
    const wire = await open();
    expect((await shake(wire, 'x')).mechanisms).toEqual(['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN']);
    expect(await plainOn(wire, 'ada', 'pass\u{1f511}word')).toMatchObject({ errorCode: 0 });
    expect(await metadata(wire)).toMatchObject({ controllerId: 1 });
    const [wrong, unknown] = [await plainOn(await open(), 'ada', 'x'), await plainOn(await open(), 'eve', 'x')];
    expect(wrong).toEqual(unknown);
    expect(wrong).toMatchObject({ errorCode: 58, errorMessage: 'wrong user or password' });
    for (const [user, password] of [
      ['', 'x'],
      ['ada', ''],
      ['ada', 'pass\u{1f511}word\0'],
      ['ada\0', 'x'],
    ])
      expect(await plainOn(await open(), user!, password!)).toMatchObject({ errorCode: 58 });
  });

  test('requests that come together with a password wait until it is verified', async () => {
    const usersFile = newFile(await withUser(undefined, 'ada', 'a secret'));
    const service = await startService({ security: { tls: files, usersFile } });
    for (const password of ['a secret', 'a guess']) {
      const wire = await service.connect({ ca: root.cert });
      await shake(wire, 'PLAIN');
      // In one piece: TCP would hold the second back until the first is acknowledged.
      wire.socket.cork();
      const verified = say(wire, `\0ada\0${password}`);
      const behind = metadata(wire).catch(({ message }: Error) => message);
      wire.socket.uncork();
      expect(await verified).toMatchObject({ errorCode: password === 'a secret' ? 0 : 58 });
      expect(await behind).toEqual(
        password === 'a secret' ? expect.objectContaining({ controllerId: 1 }) : 'the connection was closed',
      );
    }
  });

  test('a file that is renewed is used, and one that does not fit is not', async () => {
    const own = { certFile: newFile(server.cert), keyFile: newFile(server.key) };
    const service = await startService({ security: { tls: own }, lookMs: 20 });
    const next = await root.sign('CN=renewed');
    const subjectNow = async () => {
      const wire = await service.connect({ ca: root.cert });
      const { subject } = (wire.socket as ReturnType<typeof connect>).getPeerX509Certificate()!;
      wire.close();
      return subject;
    };
    writeFileSync(own.certFile, next.cert);
    await eventually(() =>
      expect(service.failures.at(-1)).toMatch(/stays in use: TLS key: expected the key of the certificate/),
    );
    expect(await subjectNow()).toBe('CN=localhost');
    writeFileSync(own.keyFile, next.key);
    await eventually(async () => expect(await subjectNow()).toBe('CN=renewed'));
  });

  test('a certificate and a key that do not fit together do not start', async () => {
    const other = await root.sign('CN=other');
    const tls = { certFile: files.certFile, keyFile: newFile(other.key) };
    await expect(startService({ security: { tls } })).rejects.toThrow('expected the key of the certificate');
  });
});

describe('with certificates of clients', () => {
  const terms = async (subject: string, by: Root = root, validMs?: number) => {
    const { cert, key: own } = await by.sign(subject, validMs === undefined ? {} : { validMs });
    return { ca: root.cert, cert, key: own };
  };
  const tls = () => ({ ...files, clientCaFile: newFile(root.cert) });

  test('the subject is the principal, and the rules are for it', async () => {
    const service = await startService({ security: { tls: tls(), rulesFile: rulesFor('CN=ada,OU=ops,O=Rivulet') } });
    await service.engine.createTopic({ topic: 'orders' });
    const topicsOf = async (subject: string) =>
      (await metadata(await service.connect(await terms(subject)))).topics.length;
    expect(await topicsOf('O=Rivulet, OU=ops, CN=ada')).toBe(1);
    expect(await topicsOf('O=Rivulet, OU=ops, CN=eve')).toBe(0);
    // A name that holds what looks like other parts is escaped.
    expect(await topicsOf('CN="ada,OU=ops,O=Rivulet"')).toBe(0);
  });

  test('nobody gets in without one, or with one of another root, or one that has expired', async () => {
    const service = await startService({ security: { tls: tls() } });
    const other = await newRoot();
    for (const bad of [{ ca: root.cert }, await terms('CN=ada', other), await terms('CN=ada', root, -1_000)]) {
      const wire = await service.connect(bad);
      await expect(metadata(wire)).rejects.toThrow('closed');
    }
    expect(await metadata(await service.connect(await terms('CN=ada')))).toMatchObject({ controllerId: 1 });
  });

  test('beside passwords a client may show one, but not a wrong one', async () => {
    const usersFile = newFile(await withUser(undefined, 'ada', 'a secret'));
    const service = await startService({ security: { tls: tls(), usersFile } });
    expect(await metadata(await service.connect(await terms('CN=ada')))).toMatchObject({ controllerId: 1 });
    const without = await service.connect({ ca: root.cert });
    await expect(metadata(without)).rejects.toThrow('closed');
    const known = await service.connect({ ca: root.cert });
    expect(await plainOn(known, 'ada', 'a secret')).toMatchObject({ errorCode: 0 });
    const wrong = await service.connect(await terms('CN=ada', await newRoot()));
    await expect(metadata(wrong)).rejects.toThrow('closed');
    expect(service.failures.at(-1)).toMatch(/client certificate/);
  });

  test('a session is never resumed: the certificate is verified every time', async () => {
    const service = await startService({ security: { tls: tls() } });
    const mine = await terms('CN=ada');
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await service.connect({ ...mine, maxVersion });
      const sessions: Buffer[] = [];
      first.socket.on('session', (session) => sessions.push(session));
      await metadata(first);
      const session = sessions.at(-1) ?? (first.socket as ReturnType<typeof connect>).getSession();
      const again = await service.connect({ ...mine, maxVersion, ...(session && { session }) });
      expect((again.socket as ReturnType<typeof connect>).isSessionReused()).toBe(false);
      expect(await metadata(again)).toMatchObject({ controllerId: 1 });
    }
  });

  test('ends when the certificate does', async () => {
    let ms = Date.now();
    const service = await startService({ security: { tls: tls() }, clock: { now: () => ms, monotonic: () => ms } });
    const wire = await service.connect(await terms('CN=ada', root, 60_000));
    expect(await metadata(wire)).toMatchObject({ controllerId: 1 });
    ms += 61_000;
    await expect(metadata(wire)).rejects.toThrow('closed');
  });
});

test('connections that never begin TLS count as unknown ones, and are closed', async () => {
  const service = await startService({ security: { tls: files }, limits: { unauthenticatedConnections: 2 } });
  const open = () => connectPlain(service.port, '127.0.0.1');
  const first = open();
  const closed = new Promise((resolve) => first.once('close', resolve));
  const known = await service.connect({ ca: root.cert });
  const others = [open(), open(), open()];
  await closed;
  expect(await metadata(known)).toMatchObject({ controllerId: 1 });
  for (const socket of others) socket.destroy();
});
