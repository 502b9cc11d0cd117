import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { openBackend } from '../../local/backend.ts';
import { startServer } from '../../local/server.ts';
import { runHere } from './here.ts';
import { newDirectory, run, startService } from './processes.ts';

/** Makes a data directory with a topic of two records in two objects, which no service uses. */
async function filledFolder(): Promise<string> {
  const directory = newDirectory();
  const backend = openBackend({ directory });
  const server = await startServer({ api: backend.api, clock: systemClock });
  const rivulet = new Rivulet({ url: server.url });
  await rivulet.admin().createTopics({ topics: [{ topic: 'orders', partitions: 1 }] });
  for (const value of ['a', 'b']) {
    const producer = rivulet.producer();
    await producer.send({ topic: 'orders', messages: [{ value }] });
    await producer.disconnect();
  }
  await server.close();
  backend.close();
  return directory;
}

test('an audit reads a data directory that is whole, and one that lost an object', async () => {
  const directory = await filledFolder();
  const whole = await runHere(['audit', '--data', directory]);
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(whole.stdout)).toMatchObject({ topics: 1, objects: 2, missingObjects: 0, orphans: 0 });

  const objects = join(directory, 'objects');
  const [object] = readdirSync(objects, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  rmSync(join(object!.parentPath, object!.name));
  const damaged = await run(['audit', '--data', directory]);
  expect(damaged).toMatchObject({ code: 1, stderr: 'rivulet: 1 objects that the index names are missing\n' });
  expect(JSON.parse(damaged.stdout)).toMatchObject({ missingObjects: 1, missing: [{ topic: 'orders' }] });
});

function damageTopic(directory: string): void {
  const path = join(directory, 'table.sqlite');
  const bytes = readFileSync(path);
  bytes.write('x', bytes.indexOf('"name":"orders"') + '"name":"'.length);
  writeFileSync(path, bytes);
}

test('a folder with a damaged item, which --repair removes', async () => {
  const directory = await filledFolder();
  damageTopic(directory);
  expect(await runHere(['audit', '--data', directory])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('topic orders'),
    stderr: 'rivulet: 1 of the items of the table are damaged: see "A damaged data folder" in docs/RUNBOOK.md\n',
  });
  const repaired = await runHere(['audit', '--data', directory, '--repair']);
  expect(repaired).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(repaired.stdout)).toEqual({ removedItems: ['topic orders'] });
  const after = await runHere(['audit', '--data', directory]);
  expect(after).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(after.stdout)).toMatchObject({ topics: 0 });
});

test('a folder whose table has lost an item is refused, and --repair goes on without it and the damaged ones', async () => {
  const directory = await filledFolder();
  damageTopic(directory);
  const database = new DatabaseSync(join(directory, 'table.sqlite'));
  database.exec(`DELETE FROM item WHERE pk = 'topics-changed'`);
  database.close();
  const refused = await runHere(['audit', '--data', directory]);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('items are missing or are not the latest'),
  });
  const repaired = await runHere(['audit', '--data', directory, '--repair']);
  expect(JSON.parse(repaired.stdout)).toEqual({ removedItems: ['topic orders'] });
  expect(await runHere(['audit', '--data', directory])).toMatchObject({ code: 0, stderr: '' });
});

test('a folder that is served is not repaired', async () => {
  const directory = newDirectory();
  const service = await startService(directory);
  expect(await runHere(['audit', '--data', directory, '--repair'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `rivulet: another process is using the folder ${directory}: stop that process, or choose another folder\n`,
  });
  service.child.kill('SIGTERM');
  await service.finished;
});

test('an audit does not make a data directory that does not exist', async () => {
  const nowhere = join(newDirectory(), 'nowhere');
  expect(await runHere(['audit', '--data', nowhere])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `rivulet: there is no directory ${nowhere}\n`,
  });
});
