// Starts DynamoDB Local and LocalStack as child processes on free loopback ports.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, launch, stop, until } from '../../tools/emulator/child.ts';
import { installDynamoDbLocal, installLocalStack } from './install.ts';

export type Endpoint = { readonly url: string; stop(): Promise<void> };

/** It keeps its data in memory, in one database for all regions and credentials. */
export async function startDynamoDbLocal(cache: string): Promise<Endpoint> {
  const folder = await installDynamoDbLocal(cache);
  const settings = ['-Xmx256m', '-Duntil.stdin.closes=true', `-Dsqlite4java.library.path=${join(folder, 'lib')}`];
  const classPath = [join(folder, 'classes'), join(folder, 'lib', '*')].join(':');
  const server = launch('java', [...settings, '-cp', classPath, 'LoopbackDynamoDb'], process.env);
  const port = await until(server, async () => /listening on (\d+)/.exec(server.output)?.[1]);
  return { url: `http://127.0.0.1:${port}`, stop: () => stop(server) };
}

/** S3 alone: LocalStack's DynamoDB is DynamoDB Local too, behind a slow front. */
export async function startLocalStack(cache: string): Promise<Endpoint> {
  const folder = await installLocalStack(cache);
  const python = join(folder, 'venv', 'bin', 'python');
  const port = await freePort();
  const root = mkdtempSync(join(tmpdir(), 'rivulet-localstack-'));
  const server = launch(python, [join(import.meta.dirname, 'localstack_loopback.py')], {
    PATH: process.env.PATH,
    HOME: root,
    TMPDIR: root,
    FILESYSTEM_ROOT: root,
    OVERRIDE_IN_DOCKER: '0',
    SERVICES: 's3',
    EAGER_SERVICE_LOADING: '1',
    STRICT_SERVICE_LOADING: '1',
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
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
  return health.includes('"s3": "running"');
}
