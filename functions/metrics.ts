// The metrics of requests. Each request that counted something logs one line in CloudWatch's embedded metric format, from
// the receipt of its storage calls and from its appends. A line has some 600 bytes; a million lines cost $0.30.
//
// A topic gets metrics of its own only if the deployment wants them, and only if the request succeeded. Otherwise a caller
// who invents topic names would create billed metrics.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { HttpApi } from '../http/http-event.ts';
import type { LogEngine } from '../lib/api/engine.ts';
import type { AppendAck } from '../lib/api/records.ts';
import { type Counters, usdOf, withReceipt } from '../lib/storage/count.ts';
import { metricNamespace, requestMetrics, topicDimension } from './metric-names.ts';

type Sums = Partial<Record<keyof typeof requestMetrics, number>>;

export type RequestMetrics = ReturnType<typeof createMetrics>;

export function createMetrics({ service, perTopic }: { readonly service: string; readonly perTopic: boolean }) {
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service });

  function add(sums: Sums): void {
    for (const [name, value] of Object.entries(sums) as [keyof Sums, number][])
      if (value > 0) metrics.addMetric(requestMetrics[name], unitOf(name), value);
  }

  function publish(topic: string | undefined): void {
    if (!metrics.hasStoredMetrics()) return;
    // The empty dimension set also emits the sum over all topics.
    if (topic !== undefined) metrics.addDimensions({}).addDimensions({ [topicDimension]: topic });
    metrics.publishStoredMetrics();
  }

  return {
    /** Publishes after each request. A function runs one request at a time, so everything added meanwhile belongs to it. */
    measured(api: HttpApi): HttpApi {
      return async (event) => {
        const { result, counters } = await withReceipt(() => api(event));
        add(sumsOf(counters));
        publish(perTopic && result.statusCode < 400 ? topicOf(event.rawPath) : undefined);
        return result;
      };
    },

    /** Returns the same engine with its appends counted. */
    countingAppends<Appending extends Pick<LogEngine, 'append' | 'appendRecords'>>(engine: Appending): Appending {
      return {
        ...engine,
        async append(request) {
          const reply = await engine.append(request);
          const fresh = reply.partitions.filter((part) => !('error' in part) && !part.duplicate) as AppendAck[];
          const records = fresh.reduce((sum, { baseOffset, lastOffset }) => sum + lastOffset - baseOffset + 1, 0);
          add({ records, appends: fresh.length });
          return reply;
        },
        async appendRecords(request) {
          const reply = await engine.appendRecords(request);
          const fresh = reply.records.filter((record) => !('error' in record) && !record.duplicate);
          add({ records: fresh.length, appends: new Set(fresh.map(({ partition }) => partition)).size });
          return reply;
        },
      };
    },
  };
}

const sumsOf = (counters: Counters): Sums => ({
  bytes: counters.bytesUp,
  conflicts: counters.conflicts,
  retries: counters.retries,
  hedges: counters.hedges,
  readUnits: counters.readUnits,
  writeUnits: counters.writeUnits,
  s3Puts: counters.s3Put,
  s3Gets: counters.s3Get,
  // Without rounding, a sum of binary fractions would be logged with seventeen digits.
  costUsd: Number(usdOf(counters).toPrecision(6)),
});

function unitOf(name: keyof Sums) {
  if (name === 'bytes') return MetricUnit.Bytes;
  return name === 'costUsd' ? MetricUnit.NoUnit : MetricUnit.Count;
}

const topicOf = (path: string): string | undefined => /^\/v1\/topics\/([^/]+)/.exec(path)?.[1];
