// `npm run deploy:local`: AWS on this machine. It starts the emulator, deploys the same stacks that `cdk deploy` deploys to
// AWS, runs the demo through the deployed API with signed requests, and leaves everything running.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { adminRoutes } from '../../cdk/access.ts';
import { onStopSignal } from '../../cli/stop-signals.ts';
import { bootstrap, type CdkOptions, deploy, destroy } from './cdk.ts';
import { type AwsEndpoint, environmentWithoutAws, trust } from './endpoint.ts';
import { runningEmulator } from './given.ts';
import { type AccessKey, createUser, policyFor } from './identities.ts';
import { defaultCache } from './install.ts';
import { startMiniStack } from './ministack.ts';

const usage = `npm run deploy:local                      runs until Ctrl-C, which removes everything
npm run deploy:local -- --once            ends by itself when the demo is done
npm run deploy:local -- --endpoint URL    deploys to an emulator that runs already
docs/EMULATOR.md has more.`;
const name = 'Rivulet';
/** A step usually takes half a minute. An emulator that lacks something may wait for it for an hour. */
const longestStepMs = 10 * 60_000;
const interrupt = new AbortController();
const { signal } = interrupt;
let interruptedCode = 0;
onStopSignal((exitCode) => {
  interruptedCode = exitCode;
  interrupt.abort();
});

try {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      endpoint: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) console.log(usage);
  else await (values.endpoint === undefined ? onOurs(values.once) : onGiven(values.endpoint, values.once));
} catch (error) {
  process.exitCode = signal.aborted ? interruptedCode : 1;
  console.error(signal.aborted ? '\nInterrupted.' : `deploy:local: ${error instanceof Error ? error.message : error}`);
}

/** The emulator ends with this process, and everything that is deployed on it too. */
async function onOurs(thenEnd: boolean): Promise<void> {
  const emulator = await step('Starting the emulator', () => startMiniStack(defaultCache()));
  try {
    trust(emulator.certificate);
    const showUse = await present(emulator.endpoint, { throwAway: false, thenEnd });
    if (thenEnd) return;
    showUse();
    await untilInterrupted('Ctrl-C stops the emulator and removes everything.');
  } finally {
    await emulator.stop();
    console.log('\nThe emulator is stopped, and everything on it is gone.');
  }
}

/** The deployed stacks outlive this process, unless `thenEnd` is set. */
async function onGiven(url: string, thenEnd: boolean): Promise<void> {
  const endpoint = await runningEmulator(url);
  try {
    const showUse = await present(endpoint, { throwAway: thenEnd, thenEnd });
    if (!thenEnd) showUse();
  } finally {
    // This also runs after Ctrl-C.
    if (thenEnd) await timed('Removing the stacks', (signal) => destroy({ ...stacksOn(endpoint, true), signal }));
  }
}

/** With `throwAway` the data is removed with the stacks. The CDK does that with a function of its own. */
function stacksOn(endpoint: AwsEndpoint, throwAway: boolean): CdkOptions {
  return {
    endpoint,
    context: { 'rivulet:name': name, 'rivulet:throwAway': String(throwAway) },
    onLine: (line) => {
      if (line.includes('✅')) console.log(`  ${line.trim()}`);
    },
  };
}

/** @returns a function that prints how to use the deployment. */
async function present(
  endpoint: AwsEndpoint,
  { throwAway, thenEnd }: { throwAway: boolean; thenEnd: boolean },
): Promise<() => void> {
  const stacks = stacksOn(endpoint, throwAway);
  await step('Bootstrapping the CDK', (signal) => bootstrap({ ...stacks, signal }));
  const outputs = await step('Deploying the stacks', (signal) => deploy({ ...stacks, signal }));
  const url = outputs[`${name}Service`]!.Url!;
  const userName = `rivulet-operator-${Date.now().toString(36)}`;
  const operator = await step(`Making the user ${userName}, who may do everything with this API`, () =>
    createUser(endpoint, userName, policyFor(endpoint, url, adminRoutes)),
  );
  const environment = environmentFor(endpoint, url, operator);
  console.log('\n== Running the demo through the deployed API');
  await runDemo(environment, thenEnd);
  return () => showUse(endpoint, operator, environment);
}

async function step<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  return timed(what, (overdue) => work(AbortSignal.any([signal, overdue])));
}

async function timed<T>(what: string, work: (overdue: AbortSignal) => Promise<T>): Promise<T> {
  console.log(`\n== ${what}`);
  const startedMs = performance.now();
  const overdue = AbortSignal.timeout(longestStepMs);
  const result = await work(overdue).catch((cause) => {
    if (!overdue.aborted) throw cause;
    throw new Error(`${what}: not done within ${longestStepMs / 60_000} minutes, and the emulator's log may say why`, {
      cause,
    });
  });
  console.log(`  done in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

function environmentFor(endpoint: AwsEndpoint, url: string, operator: AccessKey): Record<string, string> {
  const { region, certificateFile } = endpoint;
  return {
    RIVULET_URL: url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: operator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
    ...(certificateFile !== undefined && { NODE_EXTRA_CA_CERTS: certificateFile }),
  };
}

/** With `thenEnd` the demo prints no suggestions, because nothing will be left to try them on. */
async function runDemo(environment: Record<string, string>, thenEnd: boolean): Promise<void> {
  const demo = resolve(import.meta.dirname, '../../examples/demo.ts');
  const env = { ...environmentWithoutAws(), ...environment };
  const child = spawn(process.execPath, thenEnd ? [demo, '--no-next'] : [demo], { env, signal, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`the demo ended with ${code}`);
}

function showUse(endpoint: AwsEndpoint, operator: AccessKey, environment: Record<string, string>): void {
  const url = environment.RIVULET_URL;
  const exports = Object.entries(environment).map(([variable, value]) => `  export ${variable}=${value}`);
  const trusted = endpoint.certificateFile === undefined ? '' : `--cacert ${endpoint.certificateFile} `;
  const { accessKeyId, secretAccessKey } = operator;
  console.log(`
== Rivulet is deployed at ${url}
In another terminal, in this folder:

  unset AWS_PROFILE AWS_SESSION_TOKEN
${exports.join('\n')}
  npx rivulet topics list
  node bin/node24.cjs examples/quickstart.ts
  curl -w '\\n' ${trusted}--aws-sigv4 aws:amz:${endpoint.region}:execute-api \\
    --user ${accessKeyId}:${secretAccessKey} ${url}/v1/topics

AWS's own tools find the emulator at ${endpoint.url}, with the key test and the secret test.`);
}

async function untilInterrupted(what: string): Promise<void> {
  console.log(`\n${what}`);
  // A pending promise alone would not keep the process alive.
  const alive = setInterval(() => {}, 60_000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
}
