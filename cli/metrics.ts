// The options with which `rivulet serve` and `rivulet kafka` show metrics to Prometheus, and the port of their own.
//
// Invariant: what is shown needs no signature, so it is shown on loopback, or where the person who starts the process asks
// for it by --metrics-host. The Host header is checked everywhere: otherwise a web page could read it by DNS rebinding.
import type { Command } from 'commander';
import type { Metrics, MetricsOptions } from '../local/metrics/metrics.ts';
import type { LocalServer } from '../local/server.ts';
import packageJson from '../package.json' with { type: 'json' };
import { nameList, notEmpty, wholeNumber } from './options.ts';

export type MetricsFlags = {
  metricsPort?: number;
  metricsHost?: string;
  metricsAllowHost?: readonly string[];
};

export const addMetricsOptions = (command: Command): Command =>
  command
    .option(
      '--metrics-port <port>',
      'show metrics to Prometheus on this port, at /metrics; 0 takes a free one',
      wholeNumber(0, 65_535),
    )
    .option(
      '--metrics-host <address>',
      'the address for that port; anyone who reaches it can read (default: "127.0.0.1")',
      notEmpty,
    )
    .option('--metrics-allow-host <name>', 'another name by which Prometheus reaches that port; repeatable', nameList)
    .hook('preAction', checkPort);

/** Without the port nothing listens, and a person who names its address expects that something does. */
function checkPort(command: Command): void {
  const { metricsPort, metricsHost, metricsAllowHost } = command.opts<MetricsFlags>();
  if (metricsPort !== undefined) return;
  if (metricsHost !== undefined) command.error('rivulet: --metrics-host needs --metrics-port');
  if (metricsAllowHost !== undefined) command.error('rivulet: --metrics-allow-host needs --metrics-port');
}

/** Loads prom-client only where metrics are shown. */
export async function openMetrics(keptMs: MetricsOptions['keptMs']): Promise<Metrics> {
  const [{ createMetrics }, { systemClock }] = await Promise.all([
    import('../local/metrics/metrics.ts'),
    import('../lib/runtime/clock.ts'),
  ]);
  return createMetrics({ version: packageJson.version, clock: systemClock, keptMs });
}

/** Resolves with nothing if no port was asked for. Rejects if it cannot listen there. */
export async function serveMetrics(
  { metricsPort: port, metricsHost: host = '127.0.0.1', metricsAllowHost: allowHosts = [] }: MetricsFlags,
  { page }: Metrics,
): Promise<LocalServer | undefined> {
  if (port === undefined) return undefined;
  const [{ startServer }, { systemClock }] = await Promise.all([
    import('../local/server.ts'),
    import('../lib/runtime/clock.ts'),
  ]);
  return startServer({ page, host, port, allowHosts, clock: systemClock }).catch((error: Error) => {
    throw new Error(`--metrics-port: ${error.message}`, { cause: error });
  });
}
