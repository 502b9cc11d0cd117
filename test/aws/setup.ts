// The globalSetup of vitest: it offers the AWS endpoints to the test files. An endpoint starts when the first test file asks
// for it (a GET on a loopback server of ours), so a run that needs none starts none. All endpoints stop when the run ends.
// If a machine lacks something, that is printed, and the tests that need it are skipped with that reason. With CI=true they
// fail.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { defaultCache } from '../../tools/emulator/install.ts';
import { type Deployment, type EmulatedAws, startEmulator } from './deployment.ts';
import { type Endpoint, startDynamoDbLocal, startLocalStack } from './endpoints.ts';

/** The endpoints that a test file can ask for, and the answer that it gets. */
export type Offers = {
  'dynamodb-local': { readonly url: string };
  /** The S3 of LocalStack. */
  localstack: { readonly url: string };
  storage: { readonly s3Url: string; readonly dynamoDbUrl: string };
  /** An emulator of AWS that takes deployments. */
  emulator: EmulatedAws;
  /** The stacks of this repository, deployed there. */
  deployment: Deployment;
};

export type OfferName = keyof Offers;

export type Answer<Name extends OfferName> = Offers[Name] | { readonly missing: string; readonly fails: boolean };

declare module 'vitest' {
  interface ProvidedContext {
    /** GET {awsEndpoints}/{OfferName} answers with its Answer. */
    awsEndpoints: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const offers = lazyOffers(defaultCache());
  const server = createServer(async ({ url }, response) => {
    response.end(JSON.stringify(await offers.answer(url!.slice(1) as OfferName)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('awsEndpoints', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await offers.stop();
  };
}

function lazyOffers(cache: string) {
  const toStop: Promise<{ stop(): Promise<void> }>[] = [];
  const stopping = <T extends { stop(): Promise<void> }>(started: Promise<T>): Promise<T> => {
    toStop.push(started);
    return started;
  };
  const once = <T>(start: () => Promise<T>): (() => Promise<T>) => {
    let started: Promise<T> | undefined;
    return () => (started ??= start());
  };
  const dynamoDb = once<Endpoint>(() => stopping(startDynamoDbLocal(cache)));
  const localStack = once<Endpoint>(() => stopping(startLocalStack(cache)));
  const emulator = once(() => stopping(startEmulator(cache)));
  const deployment = once(async () => (await emulator()).deploy());
  const starts: { readonly [Name in OfferName]: () => Promise<Offers[Name]> } = {
    'dynamodb-local': async () => ({ url: (await dynamoDb()).url }),
    localstack: async () => ({ url: (await localStack()).url }),
    storage: async () => {
      const [s3, table] = await Promise.all([localStack(), dynamoDb()]);
      return { s3Url: s3.url, dynamoDbUrl: table.url };
    },
    emulator: async () => (await emulator()).aws,
    deployment,
  };
  return {
    answer: (name: OfferName) => answer(name, starts[name]()),
    async stop() {
      for (const started of await Promise.allSettled(toStop))
        if (started.status === 'fulfilled') await started.value.stop();
    },
  };
}

const printed = new Set<string>();

async function answer<Name extends OfferName>(name: Name, started: Promise<Offers[Name]>): Promise<Answer<Name>> {
  try {
    return await started;
  } catch (error) {
    const missing = `no ${name}: ${error instanceof Error ? error.message : String(error)}`;
    if (!printed.has(missing)) console.error(`\n!!! ${missing}\n!!! The tests that need it are not run.\n`);
    printed.add(missing);
    return { missing, fails: process.env.CI === 'true' };
  }
}
