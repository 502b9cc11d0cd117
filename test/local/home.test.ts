import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Rivulet } from '../../lib/client/rivulet.ts';
import { systemClock } from '../../lib/clock.ts';
import { type Home, openHome } from '../../local/home.ts';
import { startServer } from '../../local/server.ts';
import { newDirectory, startService } from '../cli/processes.ts';
import { signedFetch } from './wire.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function open(directory: string): Home {
  const home = openHome({ directory });
  closers.push(home.close);
  return home;
}

async function serve(home: Home): Promise<string> {
  const server = await startServer({ api: home.api, clock: systemClock });
  closers.push(server.close);
  return server.url;
}

describe('a data folder', () => {
  test('is made when it is missing, says what it is, and keeps its records from one opening to the next', async () => {
    const directory = join(newDirectory(), 'not/there/yet');
    const first = openHome({ directory });
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
    expect(() => openHome({ directory })).toThrow(
      `${directory} has data of format 2, and this version of Rivulet reads formats up to 1; use a newer version`,
    );
    expect(readdirSync(directory)).toEqual(['README.txt']);
    expect(readFileSync(join(directory, 'README.txt'), 'utf8')).toBe(marker);
  });

  test('that belongs to something else is refused and left as it is', () => {
    const [full, foreign] = [newDirectory(), newDirectory()];
    writeFileSync(join(full, 'letters.doc'), '');
    expect(() => openHome({ directory: full })).toThrow(/is not empty and holds no Rivulet data/);
    expect(readdirSync(full)).toEqual(['letters.doc']);
    writeFileSync(join(foreign, 'README.txt'), 'read me first\n');
    expect(() => openHome({ directory: foreign })).toThrow(/its README\.txt does not begin with "rivulet data, format 1"; restore that line, or choose/);
    expect(readdirSync(foreign)).toEqual(['README.txt']);
  });

  test('that cannot be made or read is refused with the reason', () => {
    const file = join(newDirectory(), 'file');
    writeFileSync(file, '');
    expect(() => openHome({ directory: file })).toThrow(/the data folder cannot be read: .*ENOTDIR/);
  });

  test('whose maker died in the middle is taken over', () => {
    const directory = newDirectory();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'README.txt.4711'), 'rivulet da');
    open(directory);
    expect(readFileSync(join(directory, 'README.txt'), 'utf8')).toMatch(/^rivulet data, format 1\n/);
  });

  test('is used by one process at a time, and by the next once that has died', async () => {
    const directory = newDirectory();
    const service = await startService(directory);
    expect(() => openHome({ directory })).toThrow(`another process is using the folder ${directory}`);
    await service.stop('SIGKILL');
    open(directory);
  });
});

describe('what the storage was asked for', () => {
  test('is counted as AWS would: an append is one PUT and one write unit', async () => {
    const home = open(newDirectory());
    const url = await serve(home);
    await new Rivulet({ url }).admin().createTopics({ topics: [{ topic: 'counted' }] });
    const append = (): Promise<Response> =>
      signedFetch(url, {
        method: 'POST',
        path: '/v1/topics/counted/records',
        headers: { 'content-type': 'application/json', 'rivulet-cost': 'on' },
        body: '{"records":[{"value":"x"}]}',
      });
    await append();
    const before = { ...home.totals };
    const { status } = await append();
    expect(status).toBe(200);
    expect(home.totals.s3Put - before.s3Put).toBe(1);
    expect(home.totals.writeUnits - before.writeUnits).toBe(1);
  });
});
