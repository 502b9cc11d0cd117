// Everything that a scrape tells, over a real engine, HTTP and Kafka's protocol.
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Rivulet } from '../../../client/rivulet.ts';
import { createApi } from '../../../http/api.ts';
import { startKafka } from '../../../kafka/main.ts';
import type { KafkaServer } from '../../../kafka/server.ts';
import type { Engine } from '../../../lib/api/engine.ts';
import { createEngine } from '../../../lib/engine.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { type Counters, countingObjectStore, countingTable, newCounters } from '../../../lib/storage/count.ts';
import type { Table } from '../../../lib/storage/table.ts';
import { written } from '../../../local/metrics/exposition.ts';
import { logFamilies } from '../../../local/metrics/log-families.ts';
import type { Bounds } from '../../../local/metrics/log-state.ts';
import { createMetrics, type Metrics } from '../../../local/metrics/metrics.ts';
import { type LocalServer, startServer } from '../../../local/server.ts';
import { memoryPorts } from '../../client/embedded.ts';
import { batchOf, text } from '../../log/world.ts';
import { open } from '../wire.ts';
import { parseScrape, type Scraped, seriesOf } from './scrape.ts';

type Service = {
  readonly metrics: Metrics;
  readonly server: LocalServer;
  readonly kafka: KafkaServer;
  readonly engine: Engine;
  readonly totals: Counters;
};

let opened: Service | undefined;
let kept = 0;
beforeEach(() => {
  kept = 0;
});
afterEach(async () => {
  await Promise.all([opened?.server.close(), opened?.kafka.close()]);
  await opened?.metrics.end();
  opened = undefined;
});

/** `around` stands before the table that the metrics read. */
async function start(options: { bounds?: Bounds; around?: (table: Table) => Table; waitMs?: number } = {}) {
  const { around = (table) => table, ...rest } = options;
  const metrics = createMetrics({ version: '1.2.3', clock: systemClock, keptMs: kept, ...rest });
  const ports = memoryPorts();
  const totals = newCounters();
  const table = countingTable(ports.table, totals);
  const objects = countingObjectStore(ports.objects, totals);
  const engine = metrics.watchEngine(createEngine({ ...ports, objects, table }));
  const api = metrics.watchApi(createApi({ engine, version: '1.2.3' }));
  const server = await startServer({ api, page: metrics.page, clock: systemClock });
  const kafka = await startKafka({
    ...{ engine, clusterId: 'c', clock: systemClock, onError: () => undefined, onAnswered: metrics.onAnswered },
  });
  const connections = { http: server.connections, kafka: kafka.connections };
  const reading = createEngine({ ...ports, table: around(table) });
  metrics.observe({ engine: reading, totals, connections, brokers: kafka.nodes.length, maintains: true });
  opened = { metrics, server, kafka, engine, totals };
  return opened;
}

async function scrape({ server }: Pick<Service, 'server'>, path = '/metrics'): Promise<Scraped> {
  const answer = await fetch(`${server.url}${path}`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseScrape(await answer.text());
}

/** Sends a head as it is, and returns the answer's. */
async function exchange(url: string, head: string): Promise<string> {
  const wire = open(url, head);
  const answer = await wire.until('\r\n\r\n');
  wire.socket.destroy();
  return answer;
}

describe('a scrape', () => {
  test('tells topics and groups by the names of kafka_exporter', async () => {
    const service = await start();
    const { engine } = service;
    await engine.createTopic({ topic: 'orders', partitions: 2 });
    for (const partition of [0, 1, 1])
      await engine.append({ topic: 'orders', partitions: [{ partition, batches: batchOf(['a', 'b']) }] });
    await engine.deleteRecords({ topic: 'orders', partitions: [{ partition: 1, offset: 1 }] });
    const partitions = [{ partition: 1, offset: 3 }];
    await engine.groups.commitOffsets({ groupId: 'billing', topics: [{ topic: 'orders', partitions }] });
    const scraped = await scrape(service);
    const of = (name: string) => seriesOf(scraped, name);
    expect(of('kafka_brokers')).toEqual({ '': 1 });
    expect(of('kafka_topic_partitions')).toEqual({ 'topic="orders"': 2 });
    const [first, second] = ['partition="0",topic="orders"', 'partition="1",topic="orders"'];
    expect(of('kafka_topic_partition_current_offset')).toEqual({ [first!]: 2, [second!]: 4 });
    expect(of('kafka_topic_partition_oldest_offset')).toEqual({ [first!]: 0, [second!]: 1 });
    const group = 'consumergroup="billing"';
    expect(of('kafka_consumergroup_members')).toEqual({ [group]: 0 });
    expect(of('kafka_consumergroup_current_offset')).toEqual({ [`${group},${second}`]: 3 });
    expect(of('kafka_consumergroup_lag')).toEqual({ [`${group},${second}`]: 1 });
    expect(of('kafka_consumergroup_lag_sum')).toEqual({ [`${group},topic="orders"`]: 1 });
    expect(of('kafka_consumergroup_current_offset_sum')).toEqual({ [`${group},topic="orders"`]: 3 });
    expect(of('rivulet_metrics_cut')).toEqual({
      ...{ 'of="topics"': 0, 'of="partitions"': 0, 'of="groups"': 0, 'of="offsets"': 0 },
    });
  });

  test('tells requests, traffic, storage, connections and the process', async () => {
    const service = await start();
    const rivulet = new Rivulet({ url: service.server.url });
    await rivulet.admin().createTopics({ topics: [{ topic: 't', partitions: 1 }] });
    const producer = rivulet.producer();
    await producer.send({ topic: 't', messages: [{ value: 'a' }, { value: 'b' }] });
    await producer.disconnect();
    await rivulet
      .admin()
      .describeTopic('nowhere')
      .catch(() => undefined);
    const { partitions } = await service.engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }] });
    const bytes = 'batches' in partitions[0]! ? partitions[0].batches[0]!.length : 0;
    const scraped = await scrape(service, '/metrics/process');
    const of = (name: string) => seriesOf(scraped, name);
    expect(of('rivulet_http_requests_total')).toMatchObject({
      ...{ 'operation="createTopic",status="201"': 1, 'operation="describeTopic",status="404"': 1 },
    });
    expect(of('rivulet_http_request_duration_seconds_count')).toMatchObject({ 'operation="createTopic"': 1 });
    expect(of('rivulet_topic_records_in_total')).toEqual({ 'topic="t"': 2 });
    expect(of('rivulet_topic_bytes_in_total')).toEqual({ 'topic="t"': bytes });
    expect(of('rivulet_topic_records_out_total')).toEqual({ 'topic="t"': 2 });
    expect(of('rivulet_topic_bytes_out_total')).toEqual({ 'topic="t"': bytes });
    expect(of('rivulet_s3_requests_total')).toMatchObject({ 'operation="put"': 1 });
    expect(of('rivulet_dynamodb_units_total')).toMatchObject({ 'kind="write"': service.totals.writeUnits });
    expect(of('rivulet_storage_cost_usd_total')['']).toBeGreaterThan(0);
    expect(of('rivulet_open_connections')['listener="http"']).toBeGreaterThan(0);
    expect(of('rivulet_build_info')).toEqual({ 'version="1.2.3"': 1 });
    expect(of('rivulet_maintenance_total')).toMatchObject({ 'what="mergedRecords"': 0 });
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes'])
      expect(of(name)['']).toBeGreaterThanOrEqual(0);
    expect([...scraped.types.keys()].filter((name) => name.startsWith('kafka_'))).toEqual(['kafka_brokers']);
  });

  test("tells what Kafka's clients ask, and what they write and read", async () => {
    const service = await start();
    await service.engine.createTopic({ topic: 'k' });
    const client = new Kafka({ brokers: [`127.0.0.1:${service.kafka.port}`], logLevel: logLevel.NOTHING });
    const producer = client.producer();
    await producer.connect();
    await producer.send({ topic: 'k', messages: [{ value: 'a' }, { value: 'b' }] });
    const scraped = await scrape(service, '/metrics/process');
    await producer.disconnect();
    expect(seriesOf(scraped, 'rivulet_kafka_requests_total')).toMatchObject({
      ...{ 'api="Produce",result="answered"': 1, 'api="ApiVersions",result="answered"': expect.any(Number) },
    });
    expect(seriesOf(scraped, 'rivulet_kafka_request_duration_seconds_count')).toMatchObject({ 'api="Produce"': 1 });
    expect(seriesOf(scraped, 'rivulet_topic_records_in_total')).toEqual({ 'topic="k"': 2 });
    expect(seriesOf(scraped, 'rivulet_open_connections')['listener="kafka"']).toBeGreaterThan(0);
  });

  test('counts a transaction when it is staged, and a repeat once', async () => {
    const service = await start();
    const { engine } = service;
    await engine.createTopic({ topic: 't' });
    const records = [{ key: text('k'), value: text('vv'), headers: [] }];
    for (let i = 0; i < 2; i++) await engine.appendRecords({ topic: 't', records, idempotencyKey: 'once' });
    const ref = await engine.transactions.init({ transactionalId: 'tx' });
    await engine.transactions.stageRecords({ in: ref, topic: 't', records });
    const scraped = await scrape(service);
    expect(seriesOf(scraped, 'rivulet_topic_records_in_total')).toEqual({ 'topic="t"': 2 });
    expect(seriesOf(scraped, 'rivulet_topic_bytes_in_total')).toEqual({ 'topic="t"': 6 });
  });

  test('writes the text of a group so that Prometheus can read it', async () => {
    const groupId = 'a"b\\c\nd} 1';
    const state = { topics: [], groups: [{ groupId, members: 3, offsets: [] }] };
    const cut = { topics: false, partitions: false, groups: false, offsets: false };
    const scraped = parseScrape(await written(logFamilies({ ...state, cut })));
    expect(seriesOf(scraped, 'kafka_consumergroup_members')).toEqual({ 'consumergroup="a\\"b\\\\c\\nd} 1"': 3 });
  });
});

describe('a scrape stays small', () => {
  test('with thousands of topics', { timeout: 30_000 }, async () => {
    const service = await start({ bounds: { topics: 1_500, partitions: 200, groups: 5, offsets: 7 } });
    const { engine } = service;
    const names = Array.from({ length: 2_000 }, (_, i) => `t${String(i).padStart(4, '0')}`);
    for (const topic of names) await engine.createTopic({ topic, partitions: 1 });
    for (const topic of names.slice(0, 1_010))
      await engine.append({ topic, partitions: [{ partition: 0, batches: batchOf(['a']) }] });
    for (let i = 0; i < 6; i++) {
      const topics = names.slice(0, 3).map((topic) => ({ topic, partitions: [{ partition: 0, offset: 0 }] }));
      await engine.groups.commitOffsets({ groupId: `g${i}`, topics });
    }
    await scrape(service);
    const before = service.totals.readUnits;
    const scraped = await scrape(service);
    const count = (name: string) => Object.keys(seriesOf(scraped, name)).length;
    expect(count('kafka_topic_partitions')).toBe(1_500);
    expect(count('kafka_topic_partition_current_offset')).toBe(200);
    expect([count('kafka_consumergroup_members'), count('kafka_consumergroup_lag')]).toEqual([5, 7]);
    expect(seriesOf(scraped, 'rivulet_metrics_cut')).toEqual({
      ...{ 'of="topics"': 1, 'of="partitions"': 1, 'of="groups"': 1, 'of="offsets"': 1 },
    });
    const traffic = seriesOf(scraped, 'rivulet_topic_records_in_total');
    expect(Object.keys(traffic)).toHaveLength(1_001);
    expect(traffic['topic="(other)"']).toBe(10);
    // Two pages of topics, half a unit for each of 200 heads, and the groups. The first scrape looks up each topic too.
    expect(service.totals.readUnits - before).toBeLessThan(200);
  });

  test('and is not read again while it is kept', async () => {
    kept = 60_000;
    const service = await start();
    await service.engine.createTopic({ topic: 't', partitions: 50 });
    await scrape(service);
    const before = service.totals.readUnits;
    await Promise.all(Array.from({ length: 20 }, () => scrape(service)));
    expect(service.totals.readUnits).toBe(before);
  });

  test('and does not wait for a slow table, nor fail with it', async () => {
    let mode: 'well' | 'slow' | 'failing' = 'well';
    const around = (table: Table): Table => ({
      ...table,
      async get(...args) {
        if (mode === 'failing') throw new Error('no table');
        if (mode === 'slow') await systemClock.sleep(400);
        return table.get(...args);
      },
    });
    const service = await start({ around, waitMs: 50 });
    await service.engine.createTopic({ topic: 't' });
    expect(seriesOf(await scrape(service), 'kafka_topic_partitions')).toEqual({ 'topic="t"': 1 });
    mode = 'slow';
    const beganMs = performance.now();
    const slow = await scrape(service);
    expect(performance.now() - beganMs).toBeLessThan(350);
    expect(seriesOf(slow, 'kafka_topic_partitions')).toEqual({ 'topic="t"': 1 });
    expect(seriesOf(slow, 'rivulet_metrics_age_seconds')['']).toBeGreaterThan(0.04);
    await systemClock.sleep(500);
    mode = 'failing';
    const failing = await scrape(service);
    expect(seriesOf(failing, 'kafka_topic_partitions')).toEqual({ 'topic="t"': 1 });
    expect(seriesOf(failing, 'rivulet_metrics_read_failures_total')['']).toBeGreaterThan(0);
  });
});

describe('a stranger', () => {
  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', ''])(
    'that calls this machine %j gets nothing',
    async (host) => {
      const service = await start();
      const head = `GET /metrics HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
      expect(await exchange(service.server.url, head)).toMatch(/^HTTP\/1.1 403 /);
    },
  );

  test('of another site gets nothing', async () => {
    const service = await start();
    const head = 'GET /metrics HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n\r\n';
    expect(await exchange(service.server.url, head)).toMatch(/^HTTP\/1.1 403 /);
  });

  test('finds nothing else where only metrics are served, at any address', async () => {
    const { metrics } = await start();
    const server = await startServer({ page: metrics.page, host: '0.0.0.0', clock: systemClock, allowHosts: ['prom'] });
    const url = server.url.replace('0.0.0.0', '127.0.0.1');
    const status = async (method: string, path: string, host = 'prom') =>
      (await exchange(url, `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)).split(' ')[1];
    expect(await status('GET', '/metrics')).toBe('200');
    expect(await status('HEAD', '/metrics/process')).toBe('200');
    expect(await status('GET', '/metrics', 'evil.example')).toBe('403');
    for (const path of ['/', '/v1/topics', '/v1/health', '/metrics/', '/metrics/log', '/openapi.json'])
      expect([path, await status('GET', path)]).toEqual([path, '404']);
    expect(await status('POST', '/metrics')).toBe('404');
    await server.close();
  });
});
