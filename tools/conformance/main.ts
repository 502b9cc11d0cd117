// Runs the tests of Kafka's clients against this service and against Apache Kafka, and prints where the two differ. README.md
// beside this file has the results. Only a test that passes against Apache Kafka and fails here says something about us.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { report } from './report.ts';
import { type Outcome, runTest, type Suite, type Test } from './suite.ts';
import { franzGo, franzGoChaos } from './suites/franz-go.ts';
import { java } from './suites/java.ts';
import { kafkaPython } from './suites/kafka-python.ts';
import { librdkafka } from './suites/librdkafka.ts';
import { startTarget, type Target, type TargetName, targetNames } from './target.ts';

const suites: Readonly<Record<string, Suite>> = {
  librdkafka,
  'franz-go': franzGo,
  'franz-go-chaos': franzGoChaos,
  'kafka-python': kafkaPython,
  java,
};

type Given = {
  readonly only?: readonly string[];
  readonly against: readonly TargetName[];
  readonly directory: string;
  readonly limit: number;
};

async function run(suite: Suite, { only, against, directory, limit }: Given): Promise<void> {
  const folder = await suite.prepare();
  const isMeant = ({ name }: Test) => !(name in suite.leftOut) && (!only || only.some((part) => name.startsWith(part)));
  const tests = (await suite.list(folder)).filter(isMeant);
  const place = resolve(directory, `${suite.name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
  // Side by side: both clusters see the same load of the machine.
  const columns = await Promise.all(
    against.map(async (name) => {
      const outcomes = await runAgainst(name, {
        suite,
        folder,
        tests,
        place: join(place, name),
        limitMs: limit * 1_000,
      });
      return [name, outcomes] as const;
    }),
  );
  const text = report(suite, tests, new Map(columns));
  writeFileSync(join(place, 'report.md'), text);
  console.log(`${text}\nLogs: ${place}`);
}

type Plan = {
  readonly suite: Suite;
  readonly folder: string;
  readonly tests: readonly Test[];
  readonly place: string;
  readonly limitMs: number;
};

async function runAgainst(name: TargetName, plan: Plan): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const kinds = [true, false].filter((kind) => plan.tests.some(({ autoCreate = true }) => autoCreate === kind));
  for (const autoCreate of kinds) {
    const directory = join(plan.place, autoCreate ? 'cluster' : 'cluster-without-creation');
    const target = await startTarget(name, { directory, autoCreate });
    try {
      for (const test of plan.tests.filter((each) => (each.autoCreate ?? true) === autoCreate))
        outcomes.set(test.name, await runOne(name, plan, test, target));
    } finally {
      await target.stop();
    }
  }
  return outcomes;
}

async function runOne(name: TargetName, plan: Plan, test: Test, target: Target): Promise<Outcome> {
  const { suite, folder, place, limitMs } = plan;
  const scratch = join(place, 'scratch', fileName(test));
  mkdirSync(scratch, { recursive: true });
  const command = suite.command(folder, test, target.address, scratch);
  const log = join(place, `${fileName(test)}.log`);
  const outcome = await runTest(suite, command, { log, limitMs, ...(test.crashesCluster && { crash: target.crash }) });
  console.log(`${name}: ${test.name} ${outcome.verdict}, ${outcome.seconds} s`);
  return outcome;
}

const fileName = ({ name }: Test): string => name.replaceAll(/[^\w.-]+/g, '_');

await new Command('conformance')
  .addArgument(new Command().createArgument('<suite>').choices(Object.keys(suites)))
  .option('--only <test...>', 'the tests whose names begin so')
  .addOption(new Option('--against <target...>').choices(targetNames).default(targetNames))
  .option('--directory <folder>', 'gets the logs and the data of the clusters', '.cache/conformance')
  .option('--limit <seconds>', 'the time for one test', Number, 900)
  .action((name: string, given: Given) => run(suites[name]!, given))
  .parseAsync();
