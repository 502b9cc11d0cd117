import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { splitBatches } from '../../lib/record/batch-header.ts';
import { type Backend, startEmbedded } from '../client/embedded.ts';
import { runHere } from './here.ts';
import { newDirectory } from './processes.ts';

let service: Backend;
beforeAll(async () => {
  service = await startEmbedded();
  const rivulet = new Rivulet({ url: service.url });
  await rivulet.admin().createTopics({ topics: [{ topic: 'a', partitions: 2 }] });
  for (const value of ['x', 'y', 'z']) {
    const producer = rivulet.producer();
    await producer.send({ topic: 'a', messages: [0, 1].map((partition) => ({ partition, key: 'k', value })) });
    await producer.disconnect();
  }
});
afterAll(() => service.close());

const segments = (...args: string[]) =>
  runHere(['topics', 'segments', ...args], { environment: { RIVULET_URL: service.url } });

test('the pieces of a partition are printed, and the next page is named', async () => {
  const { stdout } = await segments('a', '--partition', '1', '--limit', '2');
  expect(stdout).toMatch(
    /^Offsets 0 to 3: log segments below 0, index pages below 0, then the tail\nKIND +INDEX +OFFSET/,
  );
  expect(stdout).toMatch(
    /\ningest +tail +0 +1 +1 +\d+ +\d{4}-\S+Z +\d{4}-\d\d-\d\dT\d\dZ +[0-9a-f]{2}\/\S+\/ingest\/\S+ +\d+\n/,
  );
  expect(stdout.split('\n').at(-2)).toBe('There are more: --from 2');
  const rest = await segments('a', '--partition', '1', '--from', '2', '--json');
  expect(JSON.parse(rest.stdout)).toMatchObject({ partition: 1, segments: [{ baseOffset: 2, endOffset: 3 }] });
});

test('a download has the batches of one piece, in a new file that others cannot read', async () => {
  const file = join(newDirectory(), 'segment.bin');
  const done = await segments('a', '--partition', '1', '--download', '1', '--file', file);
  const bytes = readFileSync(file);
  expect(done).toEqual({
    ...{ code: 0, stderr: '' },
    stdout: `${file}: ${bytes.length} bytes of a, partition 1, offset 1\n`,
  });
  expect(splitBatches(bytes)).toHaveLength(1);
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(await segments('a', '--partition', '1', '--download', '1', '--file', file)).toMatchObject({
    ...{ code: 1, stderr: expect.stringMatching(/--file ".*": the file exists already/) },
  });
});

test('a download that is refused makes no file', async () => {
  const file = join(newDirectory(), 'none.bin');
  const refused = await segments('a', '--partition', '1', '--download', '9', '--file', file);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('expected at least 0 and less than 3, got 9'),
  });
  expect(existsSync(file)).toBe(false);
});

test.each([
  [[], /the partition is missing: give --partition/],
  [['--partition', '0', '--download', '1'], /--download and --file belong together/],
  [['--partition', '0', '--download', '1', '--file', 'f', '--from', '1'], /cannot be used with option '--from/],
  [['--partition', '0', '--limit', '0'], /'0' is invalid. It must be a whole number from 1 to 1000/],
])('wrong usage is refused: %j', async (args, message) => {
  expect(await segments('a', ...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
});
