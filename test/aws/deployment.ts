// The emulator with the stacks of this repository on it: started and deployed once per run, and told to the test files.
// A test that changes or breaks what is deployed deploys its own, under another name.
import { bootstrap, deploy, type Outputs } from '../../emulator/cdk.ts';
import type { AwsEndpoint } from '../../emulator/endpoint.ts';
import { startMiniStack } from '../../emulator/ministack.ts';

export type EmulatedAws = {
  readonly endpoint: AwsEndpoint;
  /** What its clients must trust. */
  readonly certificate: string;
};

export type Deployment = EmulatedAws & {
  readonly name: string;
  /** Of the API. */
  readonly url: string;
  readonly bucket: string;
  readonly table: string;
};

export type DeployOptions = {
  /** Begins the names of the stacks. */
  readonly name: string;
  /** The command that runs the app, instead of the one that cdk.json names. */
  readonly app?: string;
  readonly knobs?: Readonly<Record<string, string>>;
};

/** Deploys, or changes what is deployed under this name. */
async function deployStacks(aws: EmulatedAws, { name, app, knobs }: DeployOptions): Promise<Deployment> {
  const context = Object.fromEntries(
    Object.entries({ name, ...knobs }).map(([knob, value]) => [`rivulet:${knob}`, value]),
  );
  const outputs: Outputs = await deploy({ endpoint: aws.endpoint, context, ...(app !== undefined && { app }) });
  const { Url, BucketName, TableName } = outputs[`${name}Service`]!;
  return { ...aws, name, url: Url!, bucket: BucketName!, table: TableName! };
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
