// `rivulet serve`: the whole service in this process, over one folder. What runs until a signal comes; the first one lets
// the requests under way finish, the second one does not.
import type { Command } from 'commander';
import { limits } from '../lib/api/limits.ts';
import { isLoopback } from '../lib/runtime/loopback.ts';
import type { Backend } from '../local/backend.ts';
import type { LocalServer, ServerOptions } from '../local/server.ts';
import { ownCredentials } from './connect.ts';
import { reportFailure } from './failure.ts';
import { nameList, notEmpty, wholeNumber } from './options.ts';
import { outliveReader, printLine } from './output.ts';
import { createServiceLog } from './service-log.ts';
import { onStopSignal } from './stop-signals.ts';

const examples = `
The service stores its records as files and its offsets in SQLite. It takes signed requests only: with the credentials
local/local, or your own from RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY (a must for any address but loopback).

Examples:
  rivulet serve
  rivulet serve --port 9393 --data /var/lib/rivulet
  RIVULET_ACCESS_KEY_ID=me RIVULET_SECRET_ACCESS_KEY=... rivulet serve --host 0.0.0.0 --allow-host build.example`;

type ServeOptions = {
  host: string;
  allowHost?: readonly string[];
  port: number;
  data: string;
  offsetsRetentionMinutes: number;
  accessKey?: string;
};
type Credentials = NonNullable<ReturnType<typeof ownCredentials>>;

export function addServe(rivulet: Command): void {
  rivulet
    .command('serve')
    .description('run the service on this machine')
    .option('--host <address>', 'the address to listen on', parseHost, '127.0.0.1')
    .option(
      '--allow-host <name>',
      'another name that callers use for this server; repeatable. Addresses of its own and localhost need none',
      nameList,
    )
    .option('--port <port>', 'the port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 9292)
    .option('--data <folder>', 'where the data lies; made when it is missing', notEmpty, '.rivulet')
    .option(
      '--offsets-retention-minutes <n>',
      'how long a group without members keeps an offset',
      wholeNumber(limits.minOffsetsRetentionMinutes, limits.maxOffsetsRetentionMinutes),
      limits.defaultOffsetsRetentionMinutes,
    )
    .option('--access-key <id>', 'who may call; the secret is taken from RIVULET_SECRET_ACCESS_KEY only')
    .addHelpText('after', examples)
    .action(serve);
}

async function serve({
  host,
  allowHost = [],
  port,
  data,
  offsetsRetentionMinutes,
  accessKey,
}: ServeOptions): Promise<void> {
  const credentials = credentialsOf(accessKey);
  if (!credentials && !isLoopback(host))
    throw new Error(
      `others can reach ${host}: give credentials of your own, as RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY`,
    );
  const [{ openBackend }, { startServer }, { systemClock }] = await Promise.all([
    import('../local/backend.ts'),
    import('../local/server.ts'),
    import('../lib/runtime/clock.ts'),
  ]);
  const log = createServiceLog(systemClock, console.error);
  let backend: Backend | undefined;
  const options: ServerOptions = {
    api: (event) => backend!.api(event),
    host,
    allowHosts: allowHost,
    port,
    clock: systemClock,
    onError: (error, requestId) => log.request({ requestId, error }),
    ...(credentials && { credentials: [credentials] }),
  };
  const server = await startServer(options).catch((error: unknown) => {
    throw explained(error, host, port);
  });
  try {
    // Not before the port is ours: what cannot be served is not made. And in the same turn: no request comes in between.
    backend = openBackend({
      directory: data,
      log: log.request,
      onMaintenanceFailure: log.background,
      offsetsRetentionMinutes,
    });
    reportDamage(backend.damagedItems);
    const stopping = stopped(server);
    greet(server, backend, credentials);
    await stopping;
  } finally {
    await server.close();
    backend?.close();
  }
  printLine('Stopped.');
}

function reportDamage([first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  const items =
    others.length === 0
      ? `the item ${first} of the table is`
      : `${first} and ${others.length} more items of the table are`;
  reportFailure(
    new Error(
      `${items} damaged: what needs them is answered with CORRUPT_LOG; see "A damaged data folder" in docs/RUNBOOK.md`,
    ),
  );
}

/** IPv6 also in brackets, as in a URL. An empty one would be every address. */
function parseHost(text: string): string {
  return notEmpty(text).replace(/^\[(.*)\]$/, '$1');
}

function credentialsOf(accessKey: string | undefined): Credentials | undefined {
  if (accessKey === undefined) return ownCredentials();
  const secretAccessKey = process.env.RIVULET_SECRET_ACCESS_KEY;
  if (secretAccessKey) return { accessKeyId: accessKey, secretAccessKey };
  throw new Error('--access-key: its secret must be in the environment, as RIVULET_SECRET_ACCESS_KEY');
}

function explained(error: unknown, host: string, port: number): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
  if (!inUse) return error;
  return new Error(`port ${port} on ${host} is in use: stop what listens there, or choose another with --port`);
}

function greet({ url }: LocalServer, { directory, version }: Backend, credentials: Credentials | undefined): void {
  const here = reachable(url);
  const options = optionsFor(here);
  const user = credentials ? '"$RIVULET_ACCESS_KEY_ID:$RIVULET_SECRET_ACCESS_KEY"' : 'local:local';
  const where = credentials ? ' that has RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY' : '';
  printLine(`Rivulet ${version} listens on ${url}`);
  printLine(`Data folder: ${directory}`);
  printLine(`
Try, in another terminal${where}:
  npx rivulet topics create orders --partitions 3${options}
  echo 'hello' | npx rivulet produce orders${options}
  npx rivulet consume orders --from-beginning${options}
  curl -w '\\n' --aws-sigv4 aws:amz:us-east-1:execute-api --user ${user} ${quoted(`${here}/v1/topics`)}

Ctrl-C stops it.`);
}

/** All addresses are none to connect to. */
const reachable = (url: string): string => url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');

/** Some shells take brackets for a pattern of file names. */
const quoted = (url: string): string => (url.includes('[') ? `'${url}'` : url);

/** What the other commands do not know by themselves. */
function optionsFor(url: string): string {
  if (url === 'http://127.0.0.1:9292') return '';
  return ` --url ${quoted(url)}${isLoopback(new URL(url).hostname) ? '' : ' --region us-east-1'}`;
}

/** Resolves once a signal has come and the requests under way are answered. */
function stopped(server: LocalServer): Promise<void> {
  outliveReader();
  return new Promise((resolve, reject) => {
    onStopSignal(() => {
      printLine('Finishing what is under way ...');
      server.close().then(resolve, reject);
    });
  });
}
