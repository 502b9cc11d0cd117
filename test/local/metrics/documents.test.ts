// docs/METRICS.md and docs/grafana-dashboard.json name the metrics that exist, with the labels that they have.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../../http/api.ts';
import { createEngine } from '../../../lib/engine.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { newCounters } from '../../../lib/storage/count.ts';
import { createMetrics, type Metrics } from '../../../local/metrics/metrics.ts';
import { memoryPorts } from '../../client/embedded.ts';
import { batchOf } from '../../log/world.ts';
import { parseScrape, type Scraped } from './scrape.ts';

let metrics: Metrics;
let scraped: Scraped;
beforeAll(async () => {
  metrics = createMetrics({ version: 'test', clock: systemClock, keptMs: 0 });
  const engine = metrics.watchEngine(createEngine(memoryPorts()));
  const connections = { http: () => 1, kafka: () => 1 };
  metrics.observe({ engine, totals: newCounters(), connections, brokers: 1, maintains: true });
  await engine.createTopic({ topic: 't' });
  await engine.append({ topic: 't', partitions: [{ partition: 0, batches: batchOf(['a']) }] });
  const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 0 }] }];
  await engine.groups.commitOffsets({ groupId: 'g', topics });
  const requestContext = { requestId: 'r', http: { method: 'GET', path: '/v1/health' } };
  const event = { rawPath: '/v1/health', rawQueryString: '', headers: {}, requestContext, isBase64Encoded: false };
  await metrics.watchApi(createApi({ engine, version: 'test' }))({ version: '2.0', ...event });
  metrics.onAnswered({ api: 'Fetch', durationMs: 1, hasFailed: false });
  scraped = parseScrape(String((await metrics.page('/metrics'))?.body));
});
afterAll(() => metrics.end());

/** The names of labels of a series, without those that a histogram adds. */
function labelsOf(name: string): string[] {
  const keys = [...scraped.series.keys()].filter((key) => key.startsWith(`${name}{`));
  return [...new Set(keys.flatMap((key) => [...key.matchAll(/(\w+)="/g)].map(([, label]) => label!)))].sort();
}

const exists = (name: string): boolean => [...scraped.series.keys()].some((key) => key.startsWith(`${name}{`));

describe('docs/METRICS.md', () => {
  const text = readFileSync('docs/METRICS.md', 'utf8');
  const rows = [...text.matchAll(/^\| (`[^|]+) \|([^|]*)\|/gm)].flatMap(([, names = '', labels = '']) =>
    [...names.matchAll(/`((?:kafka|rivulet)_\w+)`/g)].map(([, name]) => ({
      name: name!,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label!).sort(),
    })),
  );

  test('has every metric of ours, and no other', () => {
    const own = [...scraped.types.keys()].filter((name) => /^(kafka|rivulet)_/.test(name));
    expect(rows.map(({ name }) => name).sort()).toEqual(own.sort());
  });

  test('has their labels', () => {
    for (const { name, labels } of rows) {
      const of = scraped.types.get(name) === 'histogram' ? `${name}_count` : name;
      expect([name, labelsOf(of)]).toEqual([name, labels]);
    }
  });
});

describe('docs/grafana-dashboard.json', () => {
  const dashboard = JSON.parse(readFileSync('docs/grafana-dashboard.json', 'utf8'));
  const panels: { title: string; targets: { expr: string; legendFormat: string }[] }[] = dashboard.panels;
  const variables: { query: string | { query: string } }[] = dashboard.templating.list;
  const queries = [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...variables.flatMap(({ query }) => (typeof query === 'string' ? [] : [query.query])),
  ];
  const metric = /\b((?:kafka|rivulet|nodejs|process)_\w+)(?:\{([^}]*)\})?/g;
  /** Prometheus adds these to every series. */
  const added = ['job', 'instance', 'le'];

  test('asks only for metrics that exist, by labels that they have', () => {
    expect(queries.length).toBeGreaterThan(30);
    for (const query of queries) {
      const found = [...query.matchAll(metric)];
      expect([query, found.length > 0]).toEqual([query, true]);
      for (const [, name = '', selector = ''] of found) {
        expect([name, exists(name)]).toEqual([name, true]);
        const labels = [...selector.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!);
        for (const label of labels) expect([...labelsOf(name), ...added], `${name} by ${label}`).toContain(label);
      }
    }
  });

  test('groups by labels that the metrics have, and names series by them', () => {
    for (const { targets } of panels)
      for (const { expr, legendFormat } of targets) {
        const names = [...expr.matchAll(metric)].map(([, name]) => name!);
        const known = [...names.flatMap(labelsOf), ...added];
        const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', '));
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
        for (const label of [...grouped, ...shown]) expect(known, `${expr} by ${label}`).toContain(label);
      }
  });

  test('shows every metric of topics and groups, and every counter of the process', () => {
    const asked = new Set(queries.flatMap((query) => [...query.matchAll(metric)].map(([, name]) => name!)));
    const left = ['kafka_brokers', 'kafka_consumergroup_current_offset'];
    const own = [...scraped.types].filter(([name]) => /^kafka_|^rivulet_.*_total$/.test(name)).map(([name]) => name);
    const missing = own.filter((name) => !asked.has(name) && !left.includes(name));
    expect(missing).toEqual(['rivulet_metrics_read_failures_total']);
  });
});
