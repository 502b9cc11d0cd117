import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { openAwsStorage } from '../../../lib/storage/aws/ports.ts';
import { type Counters, newCounters, withReceipt } from '../../../lib/storage/count.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { brokenBy, dynamoDbError, playWire, s3Error } from '../../aws/wire.ts';

/** A machine that is busy must not add requests where they are counted. */
const names = { bucket: 'bkt', tableName: 'tbl', hedged: false };
const ok = { status: 200, body: '{}' };

test('every try is counted, and doubt about the outcome survives the retries', async () => {
  const { connection, requests } = playWire(brokenBy('ECONNRESET'), dynamoDbError('TransactionConflictException'), ok);
  const totals = newCounters();
  const { table } = openAwsStorage({ ...connection, ...names, clock: systemClock, totals });
  const item = { pk: 'p', sk: 's' };
  const { result, counters } = await withReceipt(() => table.write({ kind: 'put', item }));
  expect(result).toEqual({ applied: true, item, doubtful: true });
  expect(requests).toHaveLength(3);
  expect(counters).toEqual({ ...newCounters(), writeUnits: 3, conflicts: 1, retries: 2 });
  expect(totals).toEqual(counters);
});

test('a put whose reply was lost is found done, at the price of one more request of each kind', async () => {
  const { connection, requests } = playWire(brokenBy('ECONNRESET'), { status: 412 }, { status: 200, body: 'abc' });
  const totals = newCounters();
  const { objects } = openAwsStorage({ ...connection, ...names, clock: systemClock, totals });
  await objects.putOnce('k', [new TextEncoder().encode('abc')]);
  expect(requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET']);
  expect(totals).toMatchObject({ s3Put: 2, bytesUp: 6, retries: 1 });
});

describe('on a real socket, a request that hangs', () => {
  /** The first request gets the head of its answer at most. The next ones are answered. */
  async function withFirstHanging(isHeadSent: boolean, use: (objects: ObjectStore, totals: Counters) => Promise<void>) {
    let requests = 0;
    const firstEnded = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      request.resume();
      if (requests++ > 0) return response.end('abc');
      response.once('close', () => firstEnded.resolve());
      if (isHeadSent) response.writeHead(200, { 'content-length': 3 }).write('a');
      return undefined;
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { requestHandler: _, ...connection } = playWire(ok).connection;
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const totals = newCounters();
    const options = {
      ...connection,
      endpoint,
      ...names,
      hedged: true,
      forcePathStyle: true,
      clock: systemClock,
      totals,
    };
    await use(openAwsStorage(options).objects, totals);
    await firstEnded.promise;
    expect(requests).toBe(2);
    server.closeAllConnections();
    server.close();
  }

  test('is sent again when it puts, and the first copy ends', async () => {
    await withFirstHanging(false, async (objects, totals) => {
      await objects.putOnce('k', [new TextEncoder().encode('abc')]);
      expect(totals).toEqual({ ...newCounters(), s3Put: 2, bytesUp: 6, hedges: 1 });
    });
  });

  test('is sent again when it gets, and the first copy ends even in the middle of its body', async () => {
    await withFirstHanging(true, async (objects, totals) => {
      expect(await objects.get('k', { from: 0, to: 3 })).toEqual(new TextEncoder().encode('abc'));
      expect(totals).toEqual({ ...newCounters(), s3Get: 2, bytesDown: 3, hedges: 1 });
    });
  });

  test('and others that do not hang keep their connections', async () => {
    let connections = 0;
    const server = createServer((request, response) => void request.resume().on('end', () => response.end('abc')))
      .on('connection', () => connections++)
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { requestHandler: _, ...connection } = playWire(ok).connection;
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { ...connection, endpoint, ...names, hedged: true, forcePathStyle: true, clock: systemClock };
    const { objects } = openAwsStorage({ ...options, totals: newCounters() });
    for (let i = 0; i < 5; i++) {
      await objects.putOnce('k', [new TextEncoder().encode('abc')]);
      await objects.get('k', { from: 0, to: 3 });
    }
    // Puts and gets have a client each. A busy machine may hedge one or two.
    expect(connections).toBeLessThanOrEqual(4);
    server.closeAllConnections();
    server.close();
  });

  test('is not sent again where hedging is off', async () => {
    const { connection, requests } = playWire(ok);
    const { objects } = openAwsStorage({
      ...connection,
      ...names,
      clock: { ...systemClock, sleep: async () => {} },
      totals: newCounters(),
    });
    await objects.putOnce('k', []);
    expect(requests).toHaveLength(1);
  });
});

describe('a role that may put objects but not read them', () => {
  const taken = s3Error(412, 'PreconditionFailed');
  const denied = s3Error(403, 'AccessDenied');

  test('takes an object that it finds after a try without an answer for its own', async () => {
    const { connection, requests } = playWire(brokenBy('ECONNRESET'), taken, denied);
    const { objects } = openAwsStorage({ ...connection, ...names, clock: systemClock, totals: newCounters() });
    await objects.putOnce('k', [new TextEncoder().encode('abc')]);
    expect(requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET']);
  });

  test('does not take an object for its own that was there before its first try', async () => {
    const { connection } = playWire(taken, denied);
    const { objects } = openAwsStorage({ ...connection, ...names, clock: systemClock, totals: newCounters() });
    await expect(objects.putOnce('k', [new TextEncoder().encode('abc')])).rejects.toMatchObject({ reason: 'exists' });
  });

  test('does not take an object for its own that was there before a refused try', async () => {
    const { connection } = playWire(s3Error(503, 'SlowDown'), taken, denied);
    const { objects } = openAwsStorage({ ...connection, ...names, clock: systemClock, totals: newCounters() });
    await expect(objects.putOnce('k', [new TextEncoder().encode('abc')])).rejects.toMatchObject({ reason: 'exists' });
  });
});
