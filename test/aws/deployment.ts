// The emulator with the stacks of this repository on it. They are started and deployed once per run, and all test files
// share them. A test that changes or breaks a deployment makes one of its own, under another name.
import { bootstrap, deploy, destroy } from '../../tools/emulator/cdk.ts';
import type { AwsEndpoint } from '../../tools/emulator/endpoint.ts';
import { startMiniStack } from '../../tools/emulator/ministack.ts';

export type EmulatedAws = {
  readonly endpoint: AwsEndpoint;
  /** The certificate that clients must trust. */
  readonly certificate: string;
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

export function destroyOther({ endpoint }: EmulatedAws, options: DeployOptions): Promise<void> {
  return destroy({ endpoint, context: contextOf(options), app: otherApp });
}

const contextOf = ({ name, options = {}, faulty }: DeployOptions): Record<string, string> => ({
  ...Object.fromEntries(Object.entries({ name, ...options }).map(([option, value]) => [`rivulet:${option}`, value])),
  ...(faulty && { functions: 'faulty' }),
});

async function deployStacks(aws: EmulatedAws, options: DeployOptions, app?: string): Promise<Deployment> {
  const { name } = options;
  const outputs = await deploy({
    endpoint: aws.endpoint,
    context: contextOf(options),
    ...(app !== undefined && { app }),
  });
  const { Url, BucketName, TableName, MaintenanceFunction, LagFunction } = outputs[`${name}Service`]!;
  const stored = { bucket: BucketName!, table: TableName! };
  return { ...aws, ...stored, name, url: Url!, maintenanceFunction: MaintenanceFunction!, lagFunction: LagFunction! };
}

export async function startEmulator(cache: string) {
  const emulator = await startMiniStack(cache);
  const { endpoint, certificate } = emulator;
  const aws = { endpoint, certificate };
  try {
    await bootstrap({ endpoint });
  } catch (error) {
    await emulator.stop();
    throw error;
  }
  return { aws, deploy: () => deployStacks(aws, { name: 'Rivulet' }), stop: emulator.stop };
}
