// DynamoDB Local and LocalStack as child processes on free loopback ports. Both read their standard input and end when it
// closes, so they never outlive the process that started them, however that one ends.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installDynamoDbLocal, installLocalStack } from './install.ts';

const START_MS = 60_000;
const STOP_MS = 3_000;

export type Endpoint = { readonly url: string; stop(): Promise<void> };

type Server = { readonly child: ChildProcessWithoutNullStreams; output: string };

/** In memory; one database for all regions and credentials. */
export async function startDynamoDbLocal(cache: string): Promise<Endpoint> {
  const folder = await installDynamoDbLocal(cache);
  const settings = ['-Xmx256m', '-Duntil.stdin.closes=true', `-Dsqlite4java.library.path=${join(folder, 'lib')}`];
  const classPath = [join(folder, 'classes'), join(folder, 'lib', '*')].join(':');
  const server = launch('java', [...settings, '-cp', classPath, 'LoopbackDynamoDb'], process.env);
  const port = await until(server, async () => /listening on (\d+)/.exec(server.output)?.[1]);
  return { url: `http://127.0.0.1:${port}`, stop: () => stop(server) };
}

/** S3 and DynamoDB under one address; its DynamoDB is a slower front of the DynamoDB Local given. */
export async function startLocalStack(cache: string, dynamoDb: Promise<Endpoint>): Promise<Endpoint> {
  const [folder, { url: dynamoDbUrl }] = await Promise.all([installLocalStack(cache), dynamoDb]);
  const python = join(folder, 'venv', 'bin', 'python');
  const port = await freePort();
  const root = mkdtempSync(join(tmpdir(), 'rivulet-localstack-'));
  const server = launch(python, [join(import.meta.dirname, 'localstack_loopback.py')], {
    PATH: process.env.PATH,
    HOME: root,
    TMPDIR: root,
    FILESYSTEM_ROOT: root,
    OVERRIDE_IN_DOCKER: '0',
    SERVICES: 's3,dynamodb',
    EAGER_SERVICE_LOADING: '1',
    STRICT_SERVICE_LOADING: '1',
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    DYNAMODB_LOCAL_PORT: new URL(dynamoDbUrl).port,
    DNS_ADDRESS: '0',
    DISABLE_EVENTS: '1',
    SKIP_SSL_CERT_DOWNLOAD: '1',
  });
  const url = `http://127.0.0.1:${port}`;
  await until(server, async () => ((await s3IsRunning(url)) ? true : undefined));
  return { url, stop: () => stop(server) };
}

async function s3IsRunning(url: string): Promise<boolean> {
  const health = await fetch(`${url}/_localstack/health`).then(
    (response) => response.text(),
    () => '',
  );
  return health.includes('"s3": "running"') && health.includes('"dynamodb": "running"');
}

function launch(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Server {
  const server = { child: spawn(command, args, { env, stdio: 'pipe' }), output: '' };
  const keep = (chunk: Buffer) => {
    server.output = (server.output + chunk.toString()).slice(-4000);
  };
  server.child.stdout.on('data', keep);
  server.child.stderr.on('data', keep);
  server.child.on('error', (error) => keep(Buffer.from(error.message)));
  server.child.stdin.on('error', () => {});
  return server;
}

/** Asks again until there is an answer; throws with the last output when the server ends or takes too long. */
async function until<T>(server: Server, ask: () => Promise<T | undefined>): Promise<T> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < START_MS && server.child.exitCode === null) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(50);
  }
  await stop(server);
  throw new Error(`${server.child.spawnargs[0]} did not start:\n${server.output}`);
}

async function stop({ child }: Server): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  child.stdin.end();
  await Promise.race([exit, sleep(STOP_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
  await exit;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
