// vitest's globalSetup: offers the AWS endpoints to the test files. They start when the first test file asks for them (a
// GET on a loopback server of ours), so a run that needs none starts none, and they stop when the run ends.
// What a machine lacks is printed and its tests are skipped with that reason; with CI=true it fails them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Endpoint, startDynamoDbLocal, startLocalStack } from './endpoints.ts';

export type EndpointName = 'dynamodb-local' | 'localstack';

/** What a test file is told: where the endpoint is, or why there is none. */
export type EndpointAnswer = { readonly url: string } | { readonly missing: string; readonly fails: boolean };

declare module 'vitest' {
  interface ProvidedContext {
    /** GET {awsEndpoints}/{EndpointName} answers with an EndpointAnswer. */
    awsEndpoints: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const endpoints = lazyEndpoints(process.env.RIVULET_TEST_CACHE ?? resolve('.cache/aws-endpoints'));
  const server = createServer(async ({ url }, response) => {
    const name = url === '/localstack' ? 'localstack' : 'dynamodb-local';
    response.end(JSON.stringify(await answer(name, endpoints.start(name))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('awsEndpoints', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await endpoints.stop();
  };
}

function lazyEndpoints(cache: string) {
  const started = new Map<EndpointName, Promise<Endpoint>>();
  const make = {
    'dynamodb-local': () => startDynamoDbLocal(cache),
    localstack: () => startLocalStack(cache, start('dynamodb-local')),
  };
  const start = (name: EndpointName): Promise<Endpoint> => {
    const endpoint = started.get(name) ?? make[name]();
    started.set(name, endpoint);
    return endpoint;
  };
  const stop = async () => {
    for (const endpoint of await Promise.allSettled(started.values()))
      if (endpoint.status === 'fulfilled') await endpoint.value.stop();
  };
  return { start, stop };
}

const printed = new Set<string>();

async function answer(name: EndpointName, endpoint: Promise<Endpoint>): Promise<EndpointAnswer> {
  try {
    return { url: (await endpoint).url };
  } catch (error) {
    const missing = `no ${name}: ${error instanceof Error ? error.message : String(error)}`;
    if (!printed.has(missing)) console.error(`\n!!! ${missing}\n!!! The tests that need it are not run.\n`);
    printed.add(missing);
    return { missing, fails: process.env.CI === 'true' };
  }
}
