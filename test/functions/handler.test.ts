import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openMetrics } from '../../functions/environment.ts';
import { handlerFor } from '../../functions/handler.ts';
import { createApi } from '../../http/api.ts';
import { type Operation, operation } from '../../http/operation.ts';
import { metaOperations } from '../../http/operations/meta.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

const lines: string[] = [];
const keep = (chunk: unknown) => lines.push(String(chunk)) > 0;
beforeEach(() => {
  lines.length = 0;
  vi.stubEnv('SERVICE', 'Test');
  // Powertools writes to the streams directly, not through the console.
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const context = { getRemainingTimeInMillis: () => 29_000 } as never;

function event(method: string, rawPath: string, body?: object) {
  const http = { method, path: rawPath };
  const headers = { 'content-type': 'application/json', authorization: 'a credential' };
  const base = { version: '2.0' as const, rawPath, rawQueryString: '', headers, isBase64Encoded: false };
  return { ...base, requestContext: { requestId: 'r1', http }, ...(body && { body: JSON.stringify(body) }) };
}

/** The API over memory, wrapped as it is in the produce function. */
function measuredApi() {
  const totals = newCounters();
  const objects = countingObjectStore(createMemoryObjectStore({ clock: systemClock }), totals);
  const table = countingTable(createMemoryTable(), totals);
  const metrics = openMetrics();
  const engine = metrics.countingAppends(createEngine({ objects, table, clock: systemClock }));
  return metrics.measured(createApi({ engine, version: 'test' }));
}

const failing = (error: unknown): Operation =>
  operation({
    id: 'x',
    summary: 'x',
    status: 200,
    errors: [],
    method: 'POST',
    path: '/v1/x',
    writes: true,
    run: () => Promise.reject(error),
  });

describe('the log', () => {
  it('has one line for an internal failure, with its causes and without credentials', async () => {
    const cause = new Error('the reason', { cause: new Error('the reason of the reason') });
    const handler = handlerFor([failing(new RivuletError('STORAGE_UNAVAILABLE', 'no storage', { cause }))]);
    expect(await handler(event('POST', '/v1/x'), context)).toMatchObject({ statusCode: 503 });
    expect(lines).toHaveLength(1);
    const entry = JSON.parse(lines[0]!);
    expect(entry).toMatchObject({
      level: 'ERROR',
      service: 'Test',
      message: 'STORAGE_UNAVAILABLE',
      requestId: 'r1',
      method: 'POST',
      path: '/v1/x',
      status: 503,
    });
    expect(entry.causes).toHaveLength(3);
    expect(entry.causes[2]).toContain('the reason of the reason');
    expect(lines[0]).not.toContain('credential');
  });

  it.each([
    ['a success that asked nothing of the storage', 'GET', '/v1/health', 200],
    ['what the caller did wrong', 'GET', '/v1/nothing', 404],
  ])('has no line for %s', async (_, method, path, statusCode) => {
    const handler = handlerFor(metaOperations('1', async () => '{}'));
    expect(await handler(event(method, path), context)).toMatchObject({ statusCode });
    expect(lines).toEqual([]);
  });
});

describe('the metrics', () => {
  const records = { records: [{ value: 'a' }, { value: 'b' }] };

  it('are one short line per request, with everything that the request counted', async () => {
    const api = measuredApi();
    await api(event('PUT', '/v1/topics/orders', {}));
    lines.length = 0;
    expect(await api(event('POST', '/v1/topics/orders/records', records))).toMatchObject({ statusCode: 200 });
    expect(lines).toHaveLength(1);
    const { _aws, ...values } = JSON.parse(lines[0]!);
    expect(values).toMatchObject({ service: 'Test', Records: 2, Appends: 1, S3Puts: 1, WriteUnits: 1 });
    expect(values.Bytes).toBeGreaterThan(0);
    expect(values.CostUsd).toBeCloseTo(5e-6 + values.WriteUnits * 0.625e-6 + values.ReadUnits * 0.125e-6, 12);
    expect(values).not.toHaveProperty('Retries');
    expect(_aws.CloudWatchMetrics).toMatchObject([{ Namespace: 'Rivulet', Dimensions: [['service']] }]);
    expect(lines[0]!.length).toBeLessThan(640);
  });

  it('count a repeat under the same key as no append', async () => {
    const api = measuredApi();
    await api(event('PUT', '/v1/topics/orders', {}));
    const request = event('POST', '/v1/topics/orders/records', records);
    const keyed = { ...request, headers: { ...request.headers, 'idempotency-key': 'k' } };
    await api(keyed);
    lines.length = 0;
    await api(keyed);
    expect(JSON.parse(lines[0]!)).not.toHaveProperty('Records');
  });

  it('are reported per topic, beside the sum, only where the deployment wants that and the topic exists', async () => {
    vi.stubEnv('METRICS_PER_TOPIC', 'true');
    const api = measuredApi();
    await api(event('GET', '/v1/topics/invented'));
    await api(event('PUT', '/v1/topics/orders', {}));
    const [invented, orders] = lines.map((line) => JSON.parse(line));
    expect(invented._aws.CloudWatchMetrics[0].Dimensions).toEqual([['service']]);
    expect(orders._aws.CloudWatchMetrics[0].Dimensions).toEqual([['service'], ['service', 'topic']]);
    expect(orders.topic).toBe('orders');
  });
});
