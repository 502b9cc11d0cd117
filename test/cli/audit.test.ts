import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { newDirectory, run, startService } from './processes.ts';

/** A folder with a topic of two records in two objects, and nobody serving it. */
async function filledFolder(): Promise<string> {
  const directory = newDirectory();
  const service = await startService(directory);
  const rivulet = new Rivulet({ url: service.url });
  await rivulet.admin().createTopics({ topics: [{ topic: 'orders', partitions: 1 }] });
  for (const value of ['a', 'b']) {
    const producer = rivulet.producer();
    await producer.send({ topic: 'orders', messages: [{ value }] });
    await producer.disconnect();
  }
  service.child.kill('SIGTERM');
  await service.finished;
  return directory;
}

test('a folder that is whole, and one that lost an object', async () => {
  const directory = await filledFolder();
  const whole = await run(['audit', '--data', directory]);
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(whole.stdout)).toMatchObject({ topics: 1, objects: 2, missingObjects: 0, orphans: 0 });

  const objects = join(directory, 'objects');
  const [object] = readdirSync(objects, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  rmSync(join(object!.parentPath, object!.name));
  const damaged = await run(['audit', '--data', directory]);
  expect(damaged).toMatchObject({ code: 1, stderr: 'rivulet: 1 objects that the index names are missing\n' });
  expect(JSON.parse(damaged.stdout)).toMatchObject({ missingObjects: 1, missing: [{ topic: 'orders' }] });
});

test('a folder with a damaged item', async () => {
  const directory = await filledFolder();
  const path = join(directory, 'table.sqlite');
  const bytes = readFileSync(path);
  bytes.write('x', bytes.indexOf('"name":"orders"') + '"name":"'.length);
  writeFileSync(path, bytes);
  expect(await run(['audit', '--data', directory])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('topic orders'),
    stderr: 'rivulet: 1 of the items of the table are damaged: see "A damaged data folder" in docs/RUNBOOK.md\n',
  });
});

test('a folder that is not there is not made', async () => {
  const nowhere = join(newDirectory(), 'nowhere');
  expect(await run(['audit', '--data', nowhere])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `rivulet: there is no directory ${nowhere}\n`,
  });
});
