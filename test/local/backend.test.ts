import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { BATCHES_MEDIA_TYPE } from '../../lib/record/frames.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Backend, openBackend } from '../../local/backend.ts';
import { startServer } from '../../local/server.ts';
import { newDirectory, startService } from '../cli/processes.ts';
import { signedFetch } from './wire.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function open(directory: string): Backend {
  const backend = openBackend({ directory });
  closers.push(backend.close);
  return backend;
}

async function serve(backend: Backend): Promise<string> {
  const server = await startServer({ api: backend.api, clock: systemClock });
  closers.push(server.close);
  return server.url;
}

describe('a data directory', () => {
  test('is made when it is missing, says what it is, and keeps its records from one opening to the next', async () => {
    const directory = join(newDirectory(), 'not/there/yet');
    const first = openBackend({ directory });
    const server = await startServer({ api: first.api, clock: systemClock });
    const before = new Rivulet({ url: server.url });
    await before.admin().createTopics({ topics: [{ topic: 'kept' }] });
    await before.producer().send({ topic: 'kept', messages: [{ value: 'a' }, { value: 'b' }] });
    await server.close();
    first.close();
    expect(readFileSync(join(directory, 'README.txt'), 'utf8')).toMatch(/^rivulet data, format 1\n\n.*rivulet serve/s);
    const after = new Rivulet({ url: await serve(open(directory)) });
    const consumer = after.consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic: 'kept', partition: 0 }]);
    const values: string[] = [];
    for await (const { value } of consumer) if (values.push(String(value)) === 2) break;
    expect(values).toEqual(['a', 'b']);
  });

  test('of a newer format is refused and left as it is', () => {
    const directory = newDirectory();
    const marker = 'rivulet data, format 2\n\nMade by a version to come.\n';
    writeFileSync(join(directory, 'README.txt'), marker);
    expect(() => openBackend({ directory })).toThrow(
      `${directory} has data of format 2, and this version of Rivulet reads formats up to 1: use a newer version`,
    );
    expect(readdirSync(directory)).toEqual(['README.txt']);
    expect(readFileSync(join(directory, 'README.txt'), 'utf8')).toBe(marker);
  });

  test('that belongs to another program is refused and left as it is', () => {
    const [full, foreign] = [newDirectory(), newDirectory()];
    writeFileSync(join(full, 'letters.doc'), '');
    expect(() => openBackend({ directory: full })).toThrow(/is not empty and holds no Rivulet data/);
    expect(readdirSync(full)).toEqual(['letters.doc']);
    writeFileSync(join(foreign, 'README.txt'), 'read me first\n');
    expect(() => openBackend({ directory: foreign })).toThrow(
      /its README\.txt does not begin with "rivulet data, format 1": restore that line, or choose/,
    );
    expect(readdirSync(foreign)).toEqual(['README.txt']);
  });

  test('that cannot be made or read is refused with the reason', () => {
    const file = join(newDirectory(), 'file');
    writeFileSync(file, '');
    expect(() => openBackend({ directory: file })).toThrow(/the data directory cannot be read: .*ENOTDIR/);
  });

  test('may hold files of a file system, a desktop or version control', () => {
    const directory = newDirectory();
    for (const name of ['.gitkeep', '.DS_Store', '.Trash-1000', 'Thumbs.db', 'desktop.ini'])
      writeFileSync(join(directory, name), '');
    mkdirSync(join(directory, 'lost+found'));
    mkdirSync(join(directory, '.snapshot'));
    open(directory);
    expect(existsSync(join(directory, 'table.sqlite'))).toBe(true);
  });

  test('is not made of a backend directory, even one whose files are all hidden', () => {
    const directory = newDirectory();
    writeFileSync(join(directory, '.bashrc'), '');
    expect(() => openBackend({ directory })).toThrow(/is not empty and holds no Rivulet data/);
  });

  test('whose creator died half-way is taken over', () => {
    const directory = newDirectory();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'README.txt.4711'), 'rivulet da');
    open(directory);
    expect(readFileSync(join(directory, 'README.txt'), 'utf8')).toMatch(/^rivulet data, format 1\n/);
  });

  test('is used by one process at a time, and by the next process once that one has died', async () => {
    const directory = newDirectory();
    const service = await startService(directory);
    expect(() => openBackend({ directory })).toThrow(`another process is using the folder ${directory}`);
    await service.stop('SIGKILL');
    open(directory);
  });
});

describe('a data directory in use', () => {
  /** A data directory with a topic and two records in two objects. It is copied while it is open. */
  async function used(): Promise<{ directory: string; crashed: string; closed: string }> {
    const [directory, crashed, closed] = [newDirectory(), newDirectory(), newDirectory()];
    const backend = openBackend({ directory });
    const server = await startServer({ api: backend.api, clock: systemClock });
    const rivulet = new Rivulet({ url: server.url });
    await rivulet.admin().createTopics({ topics: [{ topic: 'kept' }] });
    for (const value of ['a', 'b']) await rivulet.producer().send({ topic: 'kept', messages: [{ value }] });
    cpSync(directory, crashed, { recursive: true });
    await server.close();
    backend.close();
    cpSync(directory, closed, { recursive: true });
    return { directory, crashed, closed };
  }

  async function latest(directory: string): Promise<number> {
    const backend = openBackend({ directory });
    const server = await startServer({ api: backend.api, clock: systemClock });
    const [end] = await new Rivulet({ url: server.url }).admin().fetchTopicOffsets('kept');
    await server.close();
    backend.close();
    return end!.latest;
  }

  test('is whole in a copy, and after a crash, with an object that no entry names', async () => {
    const { crashed, closed } = await used();
    const [folder] = readdirSync(join(crashed, 'objects'));
    cpSync(join(crashed, 'objects', folder!), join(crashed, 'objects', 'zz+'), { recursive: true });
    for (const directory of [crashed, closed]) expect(await latest(directory)).toBe(2);
  });

  test('whose table is missing is refused, also when a version without a mark file made it', async () => {
    const { crashed, closed } = await used();
    for (const directory of [crashed, closed]) {
      rmSync(join(directory, 'table.sqlite'));
      expect(() => openBackend({ directory })).toThrow(
        /has records and no table\.sqlite: restore the directory from a copy/,
      );
      for (const name of readdirSync(directory).filter((one) => one.startsWith('table'))) rmSync(join(directory, name));
      expect(() => openBackend({ directory })).toThrow(
        /has records and no table\.sqlite: restore the directory from a copy/,
      );
      rmSync(join(directory, 'objects'), { recursive: true });
      rmSync(join(directory, 'tmp'), { recursive: true, force: true });
      writeFileSync(join(directory, 'table.sqlite'), '');
      open(directory);
    }
  });

  test('says so when a file stands in the place of a directory, or the other way round', async () => {
    const { closed } = await used();
    for (const name of ['table.sqlite-mark', 'table.sqlite', 'README.txt']) {
      const directory = newDirectory();
      cpSync(closed, directory, { recursive: true });
      rmSync(join(directory, name));
      mkdirSync(join(directory, name));
      expect(() => openBackend({ directory }), name).toThrow(/EISDIR|unable to open database file/);
    }
  });

  test('answers CORRUPT_LOG for a segment that is damaged, empty, a directory or missing', async () => {
    const { closed } = await used();
    const paths = readdirSync(join(closed, 'objects'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const url = await serve(open(closed));
    const damages = [
      (path: string) => writeFileSync(path, readFileSync(path).fill(1, 70, 72)),
      (path: string) => writeFileSync(path, ''),
      (path: string) => rmSync(path),
      (path: string) => mkdirSync(path),
    ];
    for (const damage of damages) {
      for (const path of paths) damage(path);
      for (const accept of ['application/json', BATCHES_MEDIA_TYPE]) {
        const path = '/v1/topics/kept/partitions/0/records';
        const response = await signedFetch(url, { method: 'GET', path, headers: { accept } });
        expect([response.status, await response.json()]).toMatchObject([500, { errorCode: 'CORRUPT_LOG', offset: 0 }]);
      }
    }
  });

  test('with a damaged item answers CORRUPT_LOG for what needs the item, serves the rest, and names the item', async () => {
    const { closed } = await used();
    const path = join(closed, 'table.sqlite');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"name":"kept"') + '"name":"k'.length;
    bytes.write('a', at);
    writeFileSync(path, bytes);
    const backend = open(closed);
    expect(backend.damagedItems).toEqual(['topic kept']);
    const url = await serve(backend);
    const topic = await signedFetch(url, { method: 'GET', path: '/v1/topics/kept' });
    expect([topic.status, await topic.json()]).toMatchObject([500, { errorCode: 'CORRUPT_LOG' }]);
    const made = await signedFetch(url, {
      method: 'PUT',
      path: '/v1/topics/other',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(made.status).toBe(201);
  });

  test.skipIf(process.platform === 'win32')(
    'is readable by its owner alone, also if it was made readable for all',
    async () => {
      const { directory } = await used();
      const names = readdirSync(directory, { recursive: true }).map(String);
      const modes = () => ['.', ...names].map((name) => [name, statSync(join(directory, name)).mode & 0o777]);
      const isPrivate = (mode: number) => mode === 0o700 || mode === 0o600;
      for (const [name, mode] of modes()) expect([name, isPrivate(mode as number)]).toEqual([name, true]);
      for (const name of ['.', ...names]) {
        const path = join(directory, name);
        chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
      }
      const backend = open(directory);
      await backend.audit();
      // Everything below a private directory is as private as the directory.
      const outer = ['.', 'README.txt', 'objects', 'table.sqlite', 'table.sqlite-mark', 'table.sqlite-wal'];
      expect(outer.map((name) => statSync(join(directory, name)).mode & 0o077)).toEqual(outer.map(() => 0));
    },
  );
});

describe('the requests to the storage', () => {
  test('are counted as AWS would count them: an append is one PUT and one write unit', async () => {
    const backend = open(newDirectory());
    const url = await serve(backend);
    await new Rivulet({ url }).admin().createTopics({ topics: [{ topic: 'counted' }] });
    const append = (): Promise<Response> =>
      signedFetch(url, {
        method: 'POST',
        path: '/v1/topics/counted/records',
        headers: { 'content-type': 'application/json', 'rivulet-cost': 'on' },
        body: '{"records":[{"value":"x"}]}',
      });
    await append();
    const before = { ...backend.totals };
    const { status } = await append();
    expect(status).toBe(200);
    expect(backend.totals.s3Put - before.s3Put).toBe(1);
    expect(backend.totals.writeUnits - before.writeUnits).toBe(1);
  });
});
