// This runs a real backend by hand, and writes its history as EDN: npm run real -- --help
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { startDynamoDbLocal, startLocalStack } from '../../aws/endpoints.ts';
import { storageConnection, testConnection } from '../../aws/resources.ts';
import { number, whole } from '../core/flags.ts';
import { startAwsHome } from './aws-backend.ts';
import type { RealHome } from './backend.ts';
import { toEdn } from './edn.ts';
import { startEmbeddedHome } from './embedded-backend.ts';
import { judge } from './judge.ts';
import { summaryOf, tallyOf } from './summary.ts';
import { defaultRealWorld, type RealOptions, runRealWorld } from './world.ts';

type Flags = {
  readonly backend: 'embedded' | 'aws';
  readonly endpoint?: string;
  readonly edn?: string;
  readonly json: boolean;
};

const flagOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const command = new Command('npm run real --')
  .description('Servers in processes of their own that are killed, sockets, real clocks; judged by what clients saw.')
  .addOption(
    new Option('--backend <backend>', 'embedded, or S3 and DynamoDB').choices(['embedded', 'aws']).default('embedded'),
  )
  .option('--endpoint <url>', 'with --backend aws: a LocalStack that runs; else one is installed and started')
  .option('--edn <file>', 'write the history for an outside checker (docs/CHECKING.md)')
  .option('--json', 'print what it came to as JSON', false);
for (const name of Object.keys(defaultRealWorld) as (keyof RealOptions)[])
  command.option(
    `--${flagOf(name)} <n>`,
    'of the world',
    name === 'faultShare' ? number : whole,
    defaultRealWorld[name],
  );
const values = command.parse().opts<Flags & RealOptions>();

/** Starts the backend, together with the endpoints that it must stop when it is closed. */
async function startHome(): Promise<RealHome> {
  if (values.backend === 'embedded') return startEmbeddedHome();
  if (values.endpoint !== undefined) return startAwsHome(testConnection(values.endpoint));
  const cache = process.env.RIVULET_TEST_CACHE ?? resolve('.cache/aws-endpoints');
  const [table, stack] = await Promise.all([startDynamoDbLocal(cache), startLocalStack(cache)]);
  const backend = await startAwsHome(storageConnection(stack.url, table.url));
  return {
    ...backend,
    async close() {
      await backend.close();
      await Promise.all([stack.stop(), table.stop()]);
    },
  };
}

const backend = await startHome();
try {
  const result = await runRealWorld(backend, values);
  if (values.edn !== undefined) writeFileSync(values.edn, toEdn(result.history));
  const anomalies = judge(result);
  const tally = tallyOf(values.backend, result, anomalies);
  if (values.json) console.log(JSON.stringify([tally]));
  else console.log([summaryOf(result), ...(anomalies.length > 0 ? tally.failures : ['no anomaly'])].join('\n'));
  if (anomalies.length > 0) process.exitCode = 1;
} finally {
  await backend.close();
}
