// Everything that Prometheus may scrape from a process: /metrics has all of it, and /metrics/process leaves out topics and
// groups, which every process over the same data would tell again.
//
// Invariant: however often somebody scrapes, topics and groups are read once in `keptMs`, and a scrape waits no longer than
// `waitMs` for that. The number of series is bounded (log-state.ts, traffic.ts).
import type { HttpApi, HttpResult } from '../../http/http-event.ts';
import type { Engine } from '../../lib/api/engine.ts';
import type { MaintenanceCounts } from '../../lib/api/maintenance.ts';
import { type Counts, newCounts } from '../../lib/maintenance/context.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import type { Counters } from '../../lib/storage/count.ts';
import { exposition, type Family, type Sample, written } from './exposition.ts';
import { createKept, type Kept } from './kept.ts';
import { logFamilies } from './log-families.ts';
import { type Bounds, type LogReader, readLogState } from './log-state.ts';
import { createRequestMetrics, type KafkaAnswer } from './requests.ts';
import { storageFamilies } from './storage-families.ts';
import { createTraffic } from './traffic.ts';

/** These are there only when the service has started. */
export type Sources = {
  readonly engine: LogReader;
  readonly totals: Counters;
  /** The open connections of each listener. */
  readonly connections: Readonly<Record<string, () => number>>;
  /** The nodes that Kafka's clients are told of. */
  readonly brokers: number;
  /** Whether maintenance is the work of this process. In AWS it is that of functions. */
  readonly maintains: boolean;
};

export type MetricsOptions = {
  readonly version: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long topics and groups are kept. */
  readonly keptMs: number;
  /** How long a scrape waits for them. Default: 5 s; Prometheus waits for 10. */
  readonly waitMs?: number;
  readonly bounds?: Bounds;
};

export type Metrics = {
  watchApi(api: HttpApi): HttpApi;
  watchEngine(engine: Engine): Engine;
  readonly onAnswered: (answer: KafkaAnswer) => void;
  readonly onMaintained: (counts: MaintenanceCounts) => void;
  /** Until then there are only the metrics of the process. */
  observe(sources: Sources): void;
  /** Undefined for a path that is none of them. */
  readonly page: (path: string) => Promise<HttpResult> | undefined;
  /** Resolves when nothing reads the engine any more. */
  end(): Promise<void>;
};

export function createMetrics({ version, clock, keptMs, waitMs = 5_000, bounds }: MetricsOptions): Metrics {
  const requests = createRequestMetrics();
  const traffic = createTraffic();
  const maintained: Counts = newCounts();
  let sources: Sources | undefined;
  let isEnded = false;
  const readLog = async () => written(logFamilies(await readLogState(sources!.engine, bounds, () => isEnded)));
  const log: Kept<string> = createKept(readLog, { keptMs, waitMs, clock });

  async function logText(): Promise<string> {
    if (!sources) return '';
    const kept = await log.get();
    const state = stateFamilies(log.failures(), kept && clock.monotonic() - kept.readMs);
    return `${kept?.value ?? ''}${await written(state)}`;
  }

  const processText = async () =>
    `${await requests.text()}${await written([
      gauge('rivulet_build_info', 'The version of Rivulet', [[{ version }, 1]]),
      ...traffic.families(),
      ...(sources?.maintains ? [maintenanceFamily(maintained)] : []),
      ...(sources ? familiesOf(sources) : []),
    ])}`;

  return {
    watchApi: requests.watch,
    watchEngine: traffic.watch,
    onAnswered: requests.answered,
    onMaintained(counts) {
      for (const name of Object.keys(maintained) as (keyof Counts)[]) maintained[name] += counts[name];
    },
    observe(given) {
      sources = given;
    },
    page(path) {
      if (path === '/metrics/process') return processText().then(resultOf);
      if (path === '/metrics') return Promise.all([processText(), logText()]).then((texts) => resultOf(texts.join('')));
      return undefined;
    },
    async end() {
      isEnded = true;
      await log.end();
    },
  };
}

const resultOf = (body: string): HttpResult => ({
  ...{ statusCode: 200, headers: { 'content-type': exposition, 'cache-control': 'no-store' }, body },
});

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  ...{ name, help, type: 'gauge', samples },
});

const familiesOf = ({ totals, connections, brokers }: Sources): Family[] => [
  ...storageFamilies(totals),
  gauge('kafka_brokers', "Number of nodes that Kafka's clients are told of", [[{}, brokers]]),
  gauge(
    'rivulet_open_connections',
    'Open connections of a listener',
    Object.entries(connections).map(([listener, count]) => [{ listener }, count()]),
  ),
];

const maintenanceFamily = (counts: MaintenanceCounts): Family => ({
  ...{ name: 'rivulet_maintenance_total', type: 'counter' },
  help: 'Records, bytes and objects that maintenance in this process has merged, joined, expired, compacted, written or swept',
  samples: Object.entries(counts).map(([what, count]) => [{ what }, count]),
});

const stateFamilies = (failures: number, ageMs: number | undefined): Family[] => [
  {
    ...{ name: 'rivulet_metrics_read_failures_total', type: 'counter', samples: [[{}, failures]] },
    help: 'How often topics and groups could not be read for the metrics',
  },
  gauge(
    'rivulet_metrics_age_seconds',
    'The age of the metrics of topics and groups; absent before the first read',
    ageMs === undefined ? [] : [[{}, ageMs / 1_000]],
  ),
];
