// The emulator with the stacks of this repository on it. They are started and deployed once per run, and all test files
// share them. A test that changes or breaks a deployment makes one of its own, under another name.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { bundleFunctions } from '../../cdk/bundle-functions.ts';
import { bootstrap, deploy, destroy } from '../../tools/emulator/cdk.ts';
import { type AwsEndpoint, clientOptions } from '../../tools/emulator/endpoint.ts';
import { startMiniStack } from '../../tools/emulator/ministack.ts';
import { bundleFaultyFunctions } from './faulty/bundle.ts';

export type EmulatedAws = {
  readonly endpoint: AwsEndpoint;
  /** The certificate that clients must trust. */
  readonly certificate: string;
  /** The folders with the functions as they ship, and with faults in them. All test files deploy these. */
  readonly bundles: { readonly usual: string; readonly faulty: string };
};

export type Deployment = EmulatedAws & {
  readonly name: string;
  /** The URL of the API. */
  readonly url: string;
  readonly bucket: string;
  readonly table: string;
  readonly maintenanceFunction: string;
  readonly lagFunction: string;
};

type DeployOptions = {
  /** The names of the stacks begin with it. */
  readonly name: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Deploys functions with faults in them. A header of a request asks for a fault. */
  readonly faulty?: boolean;
};

const otherApp = `${process.execPath} test/aws/app.ts`;

/** Deploys a service of its own, or changes the one that is deployed under this name. */
export function deployOther(aws: EmulatedAws, options: DeployOptions): Promise<Deployment> {
  return deployStacks(aws, options, otherApp);
}

export function destroyOther({ endpoint, bundles }: EmulatedAws, options: DeployOptions): Promise<void> {
  return destroy({ endpoint, context: contextOf(bundles, options), app: otherApp });
}

/** The stream of a table, which a deployment needs that uses the table of another one. */
export async function streamOf(endpoint: AwsEndpoint, TableName: string): Promise<string> {
  const client = new DynamoDBClient(clientOptions(endpoint));
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  client.destroy();
  return Table!.LatestStreamArn!;
}

const contextOf = (
  bundles: EmulatedAws['bundles'],
  { name, options = {}, faulty }: DeployOptions,
): Record<string, string> => ({
  ...Object.fromEntries(Object.entries({ name, ...options }).map(([option, value]) => [`rivulet:${option}`, value])),
  bundles: faulty ? bundles.faulty : bundles.usual,
});

async function deployStacks(aws: EmulatedAws, options: DeployOptions, app?: string): Promise<Deployment> {
  const { name } = options;
  const outputs = await deploy({
    endpoint: aws.endpoint,
    context: contextOf(aws.bundles, options),
    ...(app !== undefined && { app }),
  });
  const { Url, BucketName, TableName, MaintenanceFunction, LagFunction } = outputs[`${name}Service`]!;
  const stored = { bucket: BucketName!, table: TableName! };
  return { ...aws, ...stored, name, url: Url!, maintenanceFunction: MaintenanceFunction!, lagFunction: LagFunction! };
}

export async function startEmulator(cache: string) {
  const emulator = await startMiniStack(cache);
  const { endpoint, certificate } = emulator;
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-functions-'));
  const bundles = { usual: join(folder, 'usual'), faulty: join(folder, 'faulty') };
  const stop = async (): Promise<void> => {
    rmSync(folder, { recursive: true });
    await emulator.stop();
  };
  try {
    await Promise.all([bootstrap({ endpoint }), bundleFunctions(bundles.usual)]);
    await bundleFaultyFunctions(bundles);
  } catch (error) {
    await stop();
    throw error;
  }
  const aws = { endpoint, certificate, bundles };
  return { aws, deploy: () => deployStacks(aws, { name: 'Rivulet' }), stop };
}
