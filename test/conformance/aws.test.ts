// The same suite runs here with the engine over S3 and DynamoDB, and so does the story of a record. This is everything
// that runs in AWS, except for the gateway and Lambda.
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { createApi } from '../../http/api.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { openAwsStorage } from '../../lib/storage/aws/ports.ts';
import { newCounters } from '../../lib/storage/count.ts';
import { startServer } from '../../local/server.ts';
import { createTestBucket, createTestTable, onStorage, type StorageConnection } from '../aws/resources.ts';
import { httpConformance } from './http-conformance.ts';
import { push } from './memory-api.ts';
import { serveTarget } from './signed-target.ts';

async function apiOver(connection: StorageConnection) {
  const totals = newCounters();
  const [bucket, tableName] = await Promise.all([createTestBucket(connection), createTestTable(connection)]);
  const storage = openAwsStorage({
    ...connection,
    bucket,
    tableName,
    forcePathStyle: true,
    // The requests are counted, and a slow machine must not add any.
    hedged: false,
    clock: systemClock,
    totals,
  });
  const newApi = () => createApi({ engine: createEngine({ ...storage, clock: systemClock, push }), version: 'test' });
  return { newApi, totals };
}

await onStorage((connection) => {
  httpConformance('S3 (LocalStack) and DynamoDB Local', async () =>
    serveTarget((await apiOver(connection)).newApi(), () => {}),
  );

  test('a record written by one process is read by another, through spills, at one PUT and 1.1 writes an append', async () => {
    const { newApi, totals } = await apiOver(connection);
    const [first, second] = await Promise.all(
      [newApi(), newApi()].map((api) => startServer({ api, clock: systemClock })),
    );
    const writing = new Rivulet({ url: first!.url });
    await writing.admin().createTopics({ topics: [{ topic: 'story', partitions: 1 }] });
    const producer = writing.producer({ lingerMs: 0 });
    await producer.send({ topic: 'story', messages: [{ key: 'k', value: 'v0' }] });
    const before = { ...totals };
    for (let i = 1; i <= 100; i++) {
      const [sent] = await producer.send({ topic: 'story', messages: [{ key: 'k', value: `v${i}` }] });
      expect(sent!.offset).toBe(i);
    }
    expect(totals.s3Put - before.s3Put).toBe(100);
    expect((totals.writeUnits - before.writeUnits) / 100).toBeLessThan(1.3);
    await producer.disconnect();

    const consumer = new Rivulet({ url: second!.url }).consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic: 'story', partition: 0 }]);
    const values: string[] = [];
    for await (const { value } of consumer) if (values.push(String(value)) === 101) break;
    expect(values).toEqual(Array.from({ length: 101 }, (_, i) => `v${i}`));
    await Promise.all([first!.close(), second!.close()]);
  });
});
