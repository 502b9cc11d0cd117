// `rivulet serve` runs the whole service in this process, over one data directory, until a signal comes. The first signal
// lets the requests under way finish. The second one does not.
import { type Command, Option } from 'commander';
import type { HttpApi } from '../http/http-event.ts';
import type { KafkaServer } from '../kafka/server.ts';
import { limits } from '../lib/api/limits.ts';
import { isLoopback } from '../lib/runtime/loopback.ts';
import type { Backend } from '../local/backend.ts';
import type { ConsoleOptions } from '../local/console/gate.ts';
import type { Sources } from '../local/metrics/metrics.ts';
import type { LocalServer, ServerOptions } from '../local/server.ts';
import { ownCredentials } from './connect.ts';
import { reportFailure } from './failure.ts';
import {
  addKafkaAddressOptions,
  addKafkaSecurityOptions,
  type KafkaAddressOptions,
  type KafkaSecurityOptions,
  kafkaSecurityOf,
  rebalanceDelay,
} from './kafka-options.ts';
import { explained } from './listen-failure.ts';
import { addMetricsOptions, type MetricsFlags, openMetrics, serveMetrics } from './metrics.ts';
import { nameList, notEmpty, wholeNumber } from './options.ts';
import { outliveReader, printLine } from './output.ts';
import { greet } from './serve-greeting.ts';
import { kafkaPort, serveKafka } from './serve-kafka.ts';
import { createServiceLog } from './service-log.ts';
import { onStopSignal } from './stop-signals.ts';

const examples = `
The service stores its records as files and its offsets in SQLite. It takes only signed requests. Their credentials are
local/local, or your own from RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY. You must give your own to listen on any
address but loopback. Kafka's clients are served on loopback without credentials, unless you say who may connect; with credentials
of your own they are served only if you do, or if you give --kafka-port.

Examples:
  rivulet serve
  rivulet serve --port 9393 --data /var/lib/rivulet
  RIVULET_ACCESS_KEY_ID=me RIVULET_SECRET_ACCESS_KEY=... rivulet serve --host 0.0.0.0 --allow-host build.example`;

type ServeOptions = KafkaAddressOptions &
  KafkaSecurityOptions &
  MetricsFlags & {
    host: string;
    allowHost?: readonly string[];
    corsOrigin?: readonly string[];
    port: number;
    data: string;
    offsetsRetentionMinutes: number;
    accessKey?: string;
    kafka: boolean;
    kafkaPort?: number;
    kafkaAutoCreate: boolean;
    kafkaNumPartitions: number;
    kafkaInitialRebalanceDelayMs: number;
  };
type Credentials = NonNullable<ReturnType<typeof ownCredentials>>;

/** A read of 10,000 partitions takes half a second of SQLite. */
const metricsKeptMs = 15_000;

export function addServe(rivulet: Command): void {
  const command = rivulet
    .command('serve')
    .description('run the service on this machine')
    .option('--host <address>', 'the address to listen on', parseHost, '127.0.0.1')
    .option(
      '--allow-host <name>',
      'another name that callers use for this server; repeatable; localhost and the addresses of the server need none',
      nameList,
    )
    .option(
      '--cors-origin <origin>',
      'pages of this origin may use the service, like http://localhost:5173; repeatable',
      nameList,
    )
    .option('--port <port>', 'the port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 9292)
    .option('--data <directory>', 'the data directory; created when it is missing', notEmpty, '.rivulet')
    .option(
      '--offsets-retention-minutes <n>',
      `how long a group without members keeps an offset; at least ${limits.minOffsetsRetentionMinutes}`,
      wholeNumber(limits.minOffsetsRetentionMinutes, limits.maxOffsetsRetentionMinutes),
      limits.defaultOffsetsRetentionMinutes,
    )
    .option('--access-key <id>', 'the key id of callers; the secret comes only from RIVULET_SECRET_ACCESS_KEY')
    .option(
      '--kafka-port <port>',
      `the port for Kafka's clients on 127.0.0.1; 0 takes a free one (default: ${kafkaPort})`,
      wholeNumber(0, 65_535),
    )
    .addOption(new Option('--no-kafka', "do not listen for Kafka's clients").conflicts('kafkaPort'))
    .option('--no-kafka-auto-create', "do not create a missing topic that one of Kafka's clients asks for")
    .option(
      '--kafka-num-partitions <n>',
      'the partitions of a topic that is created in this way',
      wholeNumber(1, limits.partitions),
      1,
    )
    .option(
      `--kafka-initial-rebalance-delay-ms ${rebalanceDelay.argument}`,
      rebalanceDelay.description,
      rebalanceDelay.parse,
      0,
    );
  addKafkaSecurityOptions(addKafkaAddressOptions(addMetricsOptions(command)))
    .addHelpText('after', examples)
    .action(serve);
}

async function serve(given: ServeOptions): Promise<void> {
  const { host, port } = given;
  const credentials = callersOf(given);
  const security = kafkaSecurityOf(given);
  const [{ openBackend }, { tuneProcess }, { startServer }, { systemClock }] = await Promise.all([
    import('../local/backend.ts'),
    import('../local/tune-process.ts'),
    import('../local/server.ts'),
    import('../lib/runtime/clock.ts'),
  ]);
  tuneProcess();
  const log = createServiceLog(systemClock, console.error);
  const metrics = await openMetrics(metricsKeptMs);
  let backend: Backend | undefined;
  const api = metrics.watchApi((event) => backend!.api(event));
  // Neither asks for a signature, so others than this machine do not get them from here.
  const pages = isLoopback(host) ? { page: metrics.page, console: await consoleFor(api, credentials) } : {};
  const options: ServerOptions = {
    ...pages,
    api,
    host,
    allowHosts: given.allowHost ?? [],
    corsOrigins: given.corsOrigin ?? [],
    port,
    clock: systemClock,
    onError: (error, requestId) => log.request({ requestId, error }),
    onStranger: log.connection,
    ...(credentials && { credentials: [credentials] }),
  };
  const server = await startServer(options).catch((error: unknown) => {
    throw explained(error, host, port);
  });
  let kafka: KafkaServer | undefined;
  let metricsServer: LocalServer | undefined;
  try {
    // The backend opens only after the port is ours, so that no data directory is created which cannot be served. It opens
    // in the same turn, so that no request comes before it.
    backend = openBackend({
      directory: given.data,
      log: log.request,
      onMaintenanceFailure: log.background,
      offsetsRetentionMinutes: given.offsetsRetentionMinutes,
      watch: metrics.watchEngine,
      onMaintained: metrics.onMaintained,
      bootstrapServers: `127.0.0.1:${given.kafkaPort ?? kafkaPort}`,
      initialRebalanceDelayMs: given.kafkaInitialRebalanceDelayMs,
    });
    reportDamage(backend.damagedItems);
    const isOpenToKafka = given.kafka && (!credentials || given.kafkaPort !== undefined || security !== undefined);
    const kafkaOptions = { ...kafkaOptionsOf(given, security), onAnswered: metrics.onAnswered };
    if (isOpenToKafka) kafka = await serveKafka(backend, log, kafkaOptions);
    metrics.observe(sourcesOf(backend, server, kafka));
    metricsServer = await serveMetrics(given, metrics);
    const stopping = stopped([server, kafka, metricsServer].filter((one) => one !== undefined));
    greet({ server, backend, hasOwnCredentials: credentials !== undefined, kafka, page: pages.console, metricsServer });
    await stopping;
  } finally {
    await Promise.all([server.close(), kafka?.close(), metricsServer?.close()]);
    await metrics.end();
    await backend?.endDeliveries();
    backend?.close();
  }
  printLine('Stopped.');
}

function callersOf({ host, accessKey }: ServeOptions): Credentials | undefined {
  const credentials = credentialsOf(accessKey);
  if (credentials || isLoopback(host)) return credentials;
  throw new Error(
    `others can reach ${host}: give credentials of your own, as RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY`,
  );
}

async function consoleFor(api: HttpApi, credentials: Credentials | undefined): Promise<ConsoleOptions> {
  const [{ openConsole }, { systemClock }] = await Promise.all([
    import('../local/console/open.ts'),
    import('../lib/runtime/clock.ts'),
  ]);
  const identity = credentials?.accessKeyId ?? 'local/local';
  const connected = async () => ({ region: 'us-east-1', identity });
  return openConsole({ clock: systemClock, api, connected, onFailure: (line) => console.error(`rivulet: ${line}`) });
}

function sourcesOf({ engine, totals }: Backend, server: LocalServer, kafka: KafkaServer | undefined): Sources {
  const connections = { http: server.connections, ...(kafka && { kafka: kafka.connections }) };
  return { engine, totals, connections, brokers: kafka?.nodes.length ?? 0, maintains: true };
}

function kafkaOptionsOf(given: ServeOptions, security: ReturnType<typeof kafkaSecurityOf>) {
  const {
    kafkaHost: host,
    kafkaAdvertise: advertised,
    kafkaPort: port = kafkaPort,
    kafkaAutoCreate: autoCreateTopics,
    kafkaNumPartitions: numPartitions,
  } = given;
  return {
    port,
    autoCreateTopics,
    numPartitions,
    ...(host && { host }),
    ...(advertised && { advertised }),
    ...(security && { security }),
  };
}

function reportDamage([first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  const items =
    others.length === 0
      ? `the item ${first} of the table is`
      : `${first} and ${others.length} more items of the table are`;
  const seen = 'requests that need them are answered with CORRUPT_LOG: see "A damaged data folder" in docs/RUNBOOK.md';
  reportFailure(new Error(`${items} damaged, and ${seen}`));
}

/** Takes IPv6 also in brackets, as in a URL. Refuses an empty host, which would mean every address. */
function parseHost(text: string): string {
  return notEmpty(text).replace(/^\[(.*)\]$/, '$1');
}

function credentialsOf(accessKey: string | undefined): Credentials | undefined {
  if (accessKey === undefined) return ownCredentials();
  const secretAccessKey = process.env.RIVULET_SECRET_ACCESS_KEY;
  if (secretAccessKey) return { accessKeyId: accessKey, secretAccessKey };
  throw new Error('--access-key: expected its secret in the environment variable RIVULET_SECRET_ACCESS_KEY, got none');
}

/** Resolves once a signal has come and the requests under way are answered. */
function stopped(servers: readonly { close(): Promise<void> }[]): Promise<void> {
  outliveReader();
  return new Promise((resolve, reject) => {
    onStopSignal(() => {
      printLine('Finishing the requests under way ...');
      Promise.all(servers.map((server) => server.close())).then(() => resolve(), reject);
    });
  });
}
