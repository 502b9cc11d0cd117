// Measures the Lambda functions as they are deployed: the size of each bundle, and how long a new Node process takes to load
// it, compared with a handler that does nothing. A cold start in AWS has other parts too. The code decides only this part.
import { execFile } from 'node:child_process';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { bundleFunctions } from '../../cdk/bundle-functions.ts';
import { functionNames } from '../../functions/routes.ts';
import { median } from './statistics.ts';
import { decimal, printTable, whole } from './table.ts';

const run = promisify(execFile);
const EMPTY = 'a handler that does nothing';
const HTTPS = 'node:https alone';
const CLIENT = 'the SDK alone';
const root = join(import.meta.dirname, '../..');

export async function benchFunctions(directory: string, rounds: number): Promise<void> {
  const bundles = join(directory, 'functions');
  await bundleFunctions(bundles);
  await mkdir(join(bundles, EMPTY));
  await writeFile(join(bundles, EMPTY, 'index.mjs'), 'export const handler = async () => ({ statusCode: 204 });\n');
  await mkdir(join(bundles, HTTPS));
  await writeFile(join(bundles, HTTPS, 'index.mjs'), "import 'node:https';\n");
  await bundleClient(join(bundles, CLIENT, 'index.mjs'));
  const files = [EMPTY, HTTPS, CLIENT, ...functionNames].map((name) => ({
    name,
    file: join(bundles, name, 'index.mjs'),
  }));
  const samples = new Map(files.map(({ name }) => [name, [] as Sample[]]));
  for (let round = 0; round < rounds; round++)
    for (const { name, file } of files) samples.get(name)!.push(await load(file));
  const startOf = (name: string): number => median(samples.get(name)!.map(({ processMs }) => processMs));
  const rows = await Promise.all(
    files.map(async ({ name, file }) => [
      name,
      whole((await stat(file)).size / 1000),
      decimal(median(samples.get(name)!.map(({ importMs }) => importMs)), 1),
      decimal(median(samples.get(name)!.map(({ cpuMs }) => cpuMs)), 1),
      decimal(startOf(name), 0),
      `${decimal(startOf(name) / startOf(EMPTY), 2)} x`,
    ]),
  );
  printTable(
    `Functions: bundles, and their start in a fresh process (medians of ${rounds})`,
    ['', 'kB', 'import ms', 'processor ms of it', 'process ms', 'to the empty one'],
    rows,
  );
}

/** The variables that the stack sets for its functions. A test starts every bundle with them, so a missing one is seen. */
export const deployedEnvironment = {
  ...{ BUCKET: 'a-bucket', TABLE: 'a-table', SERVICE: 'Test', AWS_REGION: 'eu-west-1' },
  TABLE_ARN: 'arn:aws:dynamodb:eu-west-1:123456789012:table/a-table',
  ...{ OFFSETS_RETENTION_MINUTES: '10080', TEND_FUNCTION: 'tend', MAINTENANCE_FUNCTION: 'maintenance' },
  ...{ DISPATCHER_FUNCTION: 'dispatcher', SCHEDULE_GROUP: 'schedules', SCHEDULE_ROLE: 'arn:role' },
};

/** As a user's function has it. The AWS SDK is loaded only for credentials, and the runtime of AWS has it. */
async function bundleClient(outfile: string): Promise<void> {
  const external = ['@aws-sdk/*', '@platformatic/wasm-utils'];
  const entryPoints = [join(root, 'client/rivulet.ts')];
  await build({ entryPoints, outfile, external, bundle: true, minify: true, platform: 'node', format: 'esm' });
}

type Sample = { readonly importMs: number; readonly cpuMs: number; readonly processMs: number };

/** Measures from the start of a process to a handler that could be called. */
async function load(file: string): Promise<Sample> {
  const script = `
    const [beforeMs, before] = [performance.now(), process.cpuUsage()];
    await import(${JSON.stringify(file)});
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ importMs: performance.now() - beforeMs, cpuMs: (user + system) / 1000 }));
    process.exit();`;
  const beforeMs = performance.now();
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    env: deployedEnvironment,
  });
  return { ...(JSON.parse(stdout) as Omit<Sample, 'processMs'>), processMs: performance.now() - beforeMs };
}
