// Runs the CDK's own command line as a child process, against an emulator or any other AWS endpoint: bootstrap, deploy,
// destroy.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PutBucketTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import { type AwsEndpoint, clientOptions, environmentOf, environmentWithoutAws } from './endpoint.ts';

const root = resolve(import.meta.dirname, '../..');
const cli = join(root, 'node_modules/aws-cdk/bin/cdk');

/** The outputs of the stacks, by stack and then by name. */
export type Outputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

export type CdkOptions = {
  readonly endpoint: AwsEndpoint;
  /** The command that runs the app. Default: the app that cdk.json names. */
  readonly app?: string;
  readonly context?: Readonly<Record<string, string>>;
  /** Gets each line that the CDK prints. */
  readonly onLine?: (line: string) => void;
  /** Ends the child process when it aborts. */
  readonly signal?: AbortSignal;
};

export async function bootstrap(options: CdkOptions): Promise<void> {
  const { accountId, region } = options.endpoint;
  await runCdk(options, ['bootstrap', `aws://${accountId}/${region}`]);
}

/** Deploys all stacks, and returns when they are complete. */
export async function deploy(options: CdkOptions, stacks: readonly string[] = ['--all']): Promise<Outputs> {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-deploy-'));
  const outputs = join(folder, 'outputs.json');
  try {
    await runCdk(options, ['deploy', ...stacks, '--require-approval', 'never', '--outputs-file', outputs]);
    const written = JSON.parse(readFileSync(outputs, 'utf8')) as Outputs;
    if (options.context?.['rivulet:throwAway'] === 'true') await tagBuckets(options.endpoint, written);
    return written;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** MiniStack ignores the tags of a bucket in a template. The CDK's function empties a bucket only if it finds this tag. */
async function tagBuckets(endpoint: AwsEndpoint, outputs: Outputs): Promise<void> {
  const s3 = new S3Client({ ...clientOptions(endpoint), forcePathStyle: true });
  const Tagging = { TagSet: [{ Key: 'aws-cdk:auto-delete-objects', Value: 'true' }] };
  for (const { BucketName: Bucket } of Object.values(outputs))
    if (Bucket !== undefined) await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging }));
  s3.destroy();
}

export async function destroy(options: CdkOptions): Promise<void> {
  await runCdk(options, ['destroy', '--all', '--force']);
}

async function runCdk(options: CdkOptions, command: readonly string[]): Promise<void> {
  const { endpoint, app, context = {}, onLine, signal } = options;
  const output = mkdtempSync(join(tmpdir(), 'rivulet-cdk-out-'));
  const settings = Object.entries(context).flatMap(([name, value]) => ['--context', `${name}=${value}`]);
  const args = [...command, ...(app ? ['--app', app] : []), '--output', output, ...settings, '--no-notices', '--ci'];
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: root,
    env: { ...environmentWithoutAws(), ...environmentOf(endpoint), CDK_DISABLE_VERSION_CHECK: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  });
  let printed = '';
  const keep = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-8000);
    for (const line of chunk.toString().split('\n')) if (line.trim() !== '') onLine?.(line);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  try {
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`cdk ${command.join(' ')} failed:\n${printed}`);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}
