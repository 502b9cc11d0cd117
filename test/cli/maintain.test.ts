import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { newDirectory, run, startService } from './processes.ts';

const records = 60;

/** A service with a topic of two partitions, whose records came in one request each. */
async function filledService() {
  const directory = newDirectory();
  const service = await startService(directory);
  const client = new Rivulet({ url: service.url });
  await client.admin().createTopics({ topics: [{ topic: 'orders', partitions: 2 }] });
  const producer = client.producer({ lingerMs: 0 });
  for (let i = 0; i < records; i++)
    await producer.send({ topic: 'orders', messages: [0, 1].map((partition) => ({ partition, value: `v${i}` })) });
  await producer.disconnect();
  const rivulet = (...args: string[]) => run(args, { environment: { RIVULET_URL: service.url } });
  return { directory, service, rivulet, admin: client.admin() };
}

const objectsIn = (directory: string) =>
  readdirSync(join(directory, 'objects'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

test('rivulet maintain merges a topic, and the log reads the same', { timeout: 60_000 }, async () => {
  const { rivulet, admin } = await filledService();
  const read = () => rivulet('consume', 'orders', '--from-beginning', '--max-messages', String(2 * records));
  const before = (await read()).stdout.split('\n').sort();
  const dry = await rivulet('maintain', '--topic', 'orders', '--full', '--dry-run', '--json');
  expect(dry).toMatchObject({ code: 0 });
  const { mergedRecords } = JSON.parse(dry.stdout).counts;
  expect(mergedRecords).toBeGreaterThan(records);

  const done = await rivulet('maintain', '--topic', 'orders', '--full');
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(new RegExp(`^merged +${mergedRecords} `, 'm'));
  expect(done.stderr).toMatch(/^rivulet: 2 partitions in [\d.]+ s: s3Put 2, .*, \$0\.\d+$/m);
  expect((await read()).stdout.split('\n').sort()).toEqual(before);

  const pass = await admin.maintenance({ topic: 'orders' });
  expect(pass).toMatchObject({ state: 'done', report: { counts: { mergedRecords } } });
  const described = await admin.describeTopic('orders', { storage: true });
  for (const { storage } of described.partitionDetails)
    expect(storage).toMatchObject({ logSegments: 1, maintainedAt: expect.any(Number) });
});

test('rivulet maintain over all topics counts what it expired', { timeout: 60_000 }, async () => {
  const { rivulet, admin } = await filledService();
  await admin.alterTopic({ topic: 'orders', config: { 'retention.bytes': '0' } });
  const { code, stdout } = await rivulet('maintain', '--full', '--json');
  expect(code).toBe(0);
  const { counts } = JSON.parse(stdout);
  expect(counts.expiredRecords).toBe(counts.mergedRecords);
  expect(counts.expiredRecords).toBeGreaterThan(0);
});

test('rivulet maintain ends with 1 when an object is missing', { timeout: 60_000 }, async () => {
  const { directory, rivulet } = await filledService();
  for (const object of objectsIn(directory)) rmSync(join(object.parentPath, object.name));
  const { code, stderr } = await rivulet('maintain', '--topic', 'orders', '--full');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^rivulet: damage: orders\/0 at offset 0: /m);
  expect(stderr).toMatch(/damage stops the merge at 2 places: see "Alarm: MergeStopped" in docs\/RUNBOOK\.md/);
});

test('rivulet maintain --data works on a directory that no service uses', { timeout: 60_000 }, async () => {
  const { directory, service } = await filledService();
  service.child.kill('SIGTERM');
  await service.finished;
  const { code, stdout, stderr } = await run(['maintain', '--data', directory, '--full', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ partitions: 2, missingObjects: 0, counts: { writtenObjects: 2 } });
  expect(await run(['maintain', '--data', join(directory, 'none')])).toMatchObject({ code: 1 });
});

test('rivulet maintain refuses a topic that does not exist', async () => {
  const { rivulet } = await filledService();
  const { code, stderr } = await rivulet('maintain', '--topic', 'none');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('UNKNOWN_TOPIC_OR_PARTITION') });
});
