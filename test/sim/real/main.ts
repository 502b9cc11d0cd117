// A real home by hand, and its history as EDN:
//
//   npm run real -- --home embedded --seconds 60 --edn history.edn
//   npm run real -- --home aws                          on LocalStack, which is installed when it is missing
//   npm run real -- --home aws --endpoint http://...    on one that runs
//   any of the world's numbers: --partitions 3 --steady 3 --anonymous 1 --one-shot 3 --keyed 1 --conditional 1
//                               --readers 2 --kills 4 --kill-every-ms 2000 --fault-share 0.05
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startDynamoDbLocal, startLocalStack } from '../../aws/endpoints.ts';
import { testConnection } from '../../aws/resources.ts';
import { check } from '../check/check.ts';
import { startAwsHome } from './aws-home.ts';
import { toEdn } from './edn.ts';
import { startEmbeddedHome } from './embedded-home.ts';
import type { RealHome } from './home.ts';
import { summaryOf } from './summary.ts';
import { defaultRealWorld, type RealOptions, runRealWorld } from './world.ts';

const flagOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const numbers = Object.keys(defaultRealWorld) as (keyof RealOptions)[];

const { values } = parseArgs({
  options: {
    home: { type: 'string', default: 'embedded' },
    endpoint: { type: 'string' },
    edn: { type: 'string' },
    ...(Object.fromEntries(numbers.map((name) => [flagOf(name), { type: 'string' }])) as Record<
      string,
      { type: 'string' }
    >),
  },
});

function optionsGiven(): RealOptions {
  const given = new Map(Object.entries(values));
  const overrides = numbers.flatMap((name) => {
    const value = given.get(flagOf(name));
    return value === undefined ? [] : [[name, Number(value)]];
  });
  return { ...defaultRealWorld, ...(Object.fromEntries(overrides) as Partial<RealOptions>) };
}

/** With what to stop when it is closed. */
async function startHome(): Promise<RealHome> {
  if (values.home === 'embedded') return startEmbeddedHome();
  if (values.home !== 'aws') throw new Error(`--home: must be embedded or aws, got ${values.home}`);
  if (values.endpoint !== undefined) return startAwsHome(testConnection(String(values.endpoint)));
  const cache = process.env.RIVULET_TEST_CACHE ?? resolve('.cache/aws-endpoints');
  const table = startDynamoDbLocal(cache);
  const stack = await startLocalStack(cache, table);
  const home = await startAwsHome(testConnection(stack.url));
  return {
    ...home,
    async close() {
      await home.close();
      await Promise.all([stack.stop(), (await table).stop()]);
    },
  };
}

const home = await startHome();
try {
  const result = await runRealWorld(home, optionsGiven());
  if (values.edn !== undefined) writeFileSync(String(values.edn), toEdn(result.history));
  const anomalies = check(result.history);
  console.log(summaryOf(result));
  for (const { name, detail } of anomalies) console.log(`${name}: ${detail}`);
  console.log(anomalies.length === 0 ? 'no anomaly' : `${anomalies.length} anomalies`);
  if (anomalies.length > 0) process.exitCode = 1;
} finally {
  await home.close();
}
