// `rivulet kafka` serves Kafka's protocol over the table and the bucket of a deployment, until a signal comes. Any number of
// such processes may serve them.
import type { Command } from 'commander';
import type { AwsBackend } from '../kafka/aws.ts';
import type { Health } from '../kafka/health.ts';
import type { Address, KafkaServer } from '../kafka/server.ts';
import type { Metrics, Sources } from '../local/metrics/metrics.ts';
import type { LocalServer } from '../local/server.ts';
import packageJson from '../package.json' with { type: 'json' };
import { addKafkaAccess } from './kafka-access.ts';
import {
  addKafkaSecurityOptions,
  type KafkaSecurityOptions,
  kafkaSecurityOf,
  rebalanceDelay,
} from './kafka-options.ts';
import { addMetricsOptions, type MetricsFlags, openMetrics, serveMetrics } from './metrics.ts';
import { addressList, notEmpty, wholeNumber } from './options.ts';
import { outliveReader, printLine } from './output.ts';
import { kafkaPort } from './serve-kafka.ts';
import { createServiceLog, type ServiceLog } from './service-log.ts';
import { onStopSignal } from './stop-signals.ts';

const examples = `
Run it beside each client, which then connects to 127.0.0.1:${kafkaPort}. To serve others, give it TLS, a way to tell clients
apart, and rules: docs/KAFKA.md, "Security". Credentials: the AWS chain (environment, profile, role).

Examples:
  rivulet kafka --table RivuletData-IndexA1B2 --bucket rivuletdata-segmentsc3d4 --region eu-central-1
  rivulet kafka --table ... --bucket ... --nodes 1 --health-port 9080`;

type KafkaOptions = KafkaSecurityOptions &
  MetricsFlags & {
    table: string;
    bucket: string;
    region?: string;
    host: string;
    port: number;
    nodes?: number;
    advertise?: readonly Address[];
    healthPort?: number;
    lingerMs: number;
    initialRebalanceDelayMs: number;
    drainSeconds: number;
    autoCreate: boolean;
  };

/** Clients send some requests beside each other to each node. Several nodes make up for the time that S3 takes. */
const defaultNodes = 3;
const mostNodes = 64;
/** A read of 1,000 partitions costs 500 read units: $2.70 a month if Prometheus asks every minute. */
const metricsKeptMs = 60_000;

export function addKafka(rivulet: Command): void {
  const kafka = rivulet.command('kafka');
  kafka
    .description("serve Kafka's protocol over the table and the bucket of a deployment")
    .option('--table <name>', 'the DynamoDB table; required', notEmpty)
    .option('--bucket <name>', 'the S3 bucket; required', notEmpty)
    .option(
      '--host <address>',
      'the address to listen on; others than loopback need TLS and rules',
      notEmpty,
      '127.0.0.1',
    )
    .option(
      '--port <port>',
      "the first node's port, which those of the others follow; 0 takes free ones",
      wholeNumber(0, 65_535),
      kafkaPort,
    )
    .option(
      '--nodes <n>',
      `how many nodes clients are told of; this process serves all (default: as many as --advertise names, or ${defaultNodes})`,
      wholeNumber(1, mostNodes),
    )
    .option('--advertise <host:port,...>', 'where clients reach each node, if not where it listens', addressList)
    .option('--health-port <port>', 'accepts connections while clients may come here', wholeNumber(0, 65_535))
    .option('--linger-ms <ms>', 'how long records wait for others to share an upload', wholeNumber(0, 1_000), 5)
    .option(
      `--initial-rebalance-delay-ms ${rebalanceDelay.argument}`,
      rebalanceDelay.description,
      rebalanceDelay.parse,
      500,
    )
    .option('--drain-seconds <n>', 'after SIGTERM, connections are ended within this time', wholeNumber(0, 600), 20)
    .option('--no-auto-create', 'do not create a missing topic that a client asks for');
  addKafkaSecurityOptions(addMetricsOptions(kafka))
    .addHelpText('after', examples)
    .action((_, command: Command) => serveGateway(optionsOf(command)));
  addKafkaAccess(kafka);
}

function optionsOf(command: Command): KafkaOptions {
  const given = command.optsWithGlobals<Partial<KafkaOptions>>();
  for (const name of ['table', 'bucket'] as const)
    if (given[name] === undefined) command.error(`rivulet: the ${name} is missing: give --${name}`);
  return given as KafkaOptions;
}

async function serveGateway(given: KafkaOptions): Promise<void> {
  const [{ openAwsBackend }, { openHealth }, { systemClock }, { tuneProcess }] = await Promise.all([
    import('../kafka/aws.ts'),
    import('../kafka/health.ts'),
    import('../lib/runtime/clock.ts'),
    import('../local/tune-process.ts'),
  ]);
  tuneProcess();
  const log = createServiceLog(systemClock, console.error);
  const backend = await openAwsBackend({
    ...{ tableName: given.table, bucket: given.bucket, lingerMs: given.lingerMs },
    initialRebalanceDelayMs: given.initialRebalanceDelayMs,
    ...(given.region !== undefined && { region: given.region }),
    // The SDK reads these variables by itself.
    isEmulator: Object.keys(process.env).some((name) => /^AWS_ENDPOINT_URL(_S3)?$/.test(name)),
  });
  const metrics = given.metricsPort === undefined ? undefined : await openMetrics(metricsKeptMs);
  const engine = metrics?.watchEngine(backend.engine) ?? backend.engine;
  const server = await listen(given, { ...backend, engine }, log, metrics);
  let health: Health | undefined;
  let metricsServer: LocalServer | undefined;
  try {
    metrics?.observe(sourcesOf(backend, server));
    if (metrics) metricsServer = await serveMetrics(given, metrics);
    if (given.healthPort !== undefined) health = await openHealth(given.host, given.healthPort);
    greet(given, server, health, metricsServer);
    await untilStopped(server, health, given.drainSeconds * 1_000);
  } finally {
    health?.close();
    await Promise.all([server.close(), metricsServer?.close()]);
    await metrics?.end();
  }
  printLine('Stopped.');
}

const sourcesOf = ({ engine, totals }: AwsBackend, { connections, nodes }: KafkaServer): Sources => ({
  ...{ engine, totals, connections: { kafka: connections }, brokers: nodes.length, maintains: false },
});

async function listen(
  given: KafkaOptions,
  { engine, clusterId }: AwsBackend,
  log: ServiceLog,
  metrics: Metrics | undefined,
): Promise<KafkaServer> {
  const [{ startKafka }, { systemClock }] = await Promise.all([
    import('../kafka/main.ts'),
    import('../lib/runtime/clock.ts'),
  ]);
  const { host, port, advertise, nodes = advertise?.length ?? defaultNodes, autoCreate } = given;
  const security = kafkaSecurityOf(given);
  return startKafka({
    ...{ engine, clusterId, clock: systemClock, host, port, nodes, autoCreateTopics: autoCreate },
    ...(advertise && { advertised: advertise }),
    ...(security && { security }),
    ...(metrics && { onAnswered: metrics.onAnswered }),
    onError: log.connection,
  });
}

function greet(
  { table, bucket }: KafkaOptions,
  { host, ports, nodes }: KafkaServer,
  health: Health | undefined,
  metrics: LocalServer | undefined,
): void {
  printLine(`Rivulet ${packageJson.version} serves Kafka's protocol over table ${table} and bucket ${bucket}`);
  printLine(`Listens on ${ports.map((port) => `${host}:${port}`).join(', ')}`);
  printLine(`Kafka's clients connect to ${nodes.map((node) => `${node.host}:${node.port}`).join(', ')}`);
  if (metrics) printLine(`Prometheus finds metrics at ${metrics.url}/metrics`);
  if (health) printLine(`Health port: ${host}:${health.port}`);
  printLine('Ctrl-C stops it.');
}

/** A person at a terminal does not wait until all clients have gone elsewhere. */
const exitCodeOfInterrupt = 130;

function untilStopped(server: KafkaServer, health: Health | undefined, drainMs: number): Promise<void> {
  outliveReader();
  return new Promise((resolve, reject) => {
    onStopSignal((exitCode) => {
      health?.close();
      const spreadMs = exitCode === exitCodeOfInterrupt ? 0 : drainMs;
      printLine('Finishing the requests under way ...');
      server.close({ spreadMs }).then(resolve, reject);
    });
  });
}
