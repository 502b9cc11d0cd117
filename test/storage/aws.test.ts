import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { openAwsStorage } from '../../lib/storage/aws.ts';
import { newCounters, withReceipt } from '../../lib/storage/count.ts';
import { brokenBy, dynamoDbError, playWire } from '../aws/wire.ts';

const ok = { status: 200, body: '{}' };

test('every try is counted, and doubt survives the retries', async () => {
  const { connection, requests } = playWire(brokenBy('ECONNRESET'), dynamoDbError('TransactionConflictException'), ok);
  const totals = newCounters();
  const { table } = openAwsStorage({ ...connection, bucket: 'bkt', tableName: 'tbl', clock: systemClock, totals });
  const item = { pk: 'p', sk: 's' };
  const { result, counters } = await withReceipt(() => table.write({ kind: 'put', item }));
  expect(result).toEqual({ applied: true, item, doubtful: true });
  expect(requests).toHaveLength(3);
  expect(counters).toEqual({ ...newCounters(), writeUnits: 3 });
  expect(totals).toEqual(counters);
});

test('a put whose reply was lost is found done, at the price of one more request of each kind', async () => {
  const { connection, requests } = playWire(brokenBy('ECONNRESET'), { status: 412 }, { status: 200, body: 'abc' });
  const totals = newCounters();
  const { objects } = openAwsStorage({ ...connection, bucket: 'bkt', tableName: 'tbl', clock: systemClock, totals });
  await objects.putOnce('k', [new TextEncoder().encode('abc')]);
  expect(requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET']);
  expect(totals).toMatchObject({ s3Put: 2, bytesUp: 6 });
});
