import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { changePlugin } from './test/sim/core/change-plugin.ts';

/** They use AWS endpoints, of which each is started once for all of them. */
const aws = [
  'test/{aws,formats,tools/emulator}/**/*.test.ts',
  'test/{conformance,contract,sim/real}/aws.test.ts',
  'test/group/backends.test.ts',
  'test/push/backends.test.ts',
  'test/maintenance/{restored-table,retain-backends}.test.ts',
];

/** These take minutes on the emulators, and mostly deploy stacks of their own. `npm run test:deployments` runs them. */
const deployments = [
  'test/aws/{access,console,deployed,failure,gateway-stack,kafka-gateway,packed,push,removal,restore,story,update}.test.ts',
  'test/maintenance/restored-table.test.ts',
  'test/sim/real/aws.test.ts',
];

/** They run real clients of Kafka, which they download. `npm run test:clients` runs them. */
const clients = ['test/clients/*.test.ts'];

/** They use the packed client in projects outside the repository. `npm run test:packages` runs them. */
const packages = ['test/{packages,tools/pack}/*.test.ts'];

/** They drive a browser, if there is one. `npm run test:console` runs them. */
const browser = ['test/console/*.test.ts'];

/** They change the library, and a simulated world must notice: they test the worlds. `npm run test:mutants` runs them. */
const mutants = ['test/sim/**/*mutants.test.ts', 'test/sim/log/mutants/*.test.ts'];

/** They compute, in memory or on files, and leave nothing behind in their process. */
const pure = [
  'test/{bytes,group,http,json,log,maintenance,partition,producer,record,runtime,sigv4,topic,transaction}/**/*.test.ts',
  'test/{kafka/codec,push/delivery}/**/*.test.ts',
  'test/{sim/groups,sim/log,sim/offsets,sim/push,sim/transactions,storage/embedded}/**/*.test.ts',
  'test/conformance/in-process.test.ts',
];

/** The loading of the CDK takes longer than the tests. */
const cdk = ['test/cdk/**/*.test.ts'];

/** This reads the source as text, and is part of `npm run check`. */
const tidy = ['test/tidy.test.ts'];

function project(
  name: string,
  { plugins, ...test }: TestProjectInlineConfiguration['test'] & Pick<TestProjectInlineConfiguration, 'plugins'>,
): TestProjectInlineConfiguration {
  // No test is judged by its own duration: the machine may be busy.
  const bounds = { testTimeout: 120_000, hookTimeout: 180_000 };
  return { ...(plugins && { plugins }), test: { name, ...bounds, ...test } };
}

/** The files of one process follow each other, and import their modules once. */
const together = { isolate: false };
/** One more than the two cores of a small machine: tests that wait run beside tests that compute. */
const beside = { maxWorkers: 3 };
const afterwards = { maxWorkers: 1, sequence: { groupOrder: 1 } };

// The first three begin in the order of their names: the tests that wait most come first, and small ones fill the end.
export default defineConfig({
  test: {
    projects: [
      project('aws', { include: aws, exclude: deployments, globalSetup: ['test/aws/setup.ts'], ...beside }),
      project('deployments', { include: deployments, globalSetup: ['test/aws/setup.ts'], ...beside }),
      project('clients', { include: clients, globalSetup: ['test/clients/setup.ts'], testTimeout: 300_000, ...beside }),
      project('packages', { include: packages, globalSetup: ['test/packages/setup.ts'], ...beside }),
      // A look through the command line takes a second by itself on a busy machine.
      project('console', { include: browser, maxWorkers: 1, expect: { poll: { timeout: 30_000 } } }),
      project('local', {
        include: ['test/**/*.test.ts'],
        exclude: [...aws, ...clients, ...packages, ...browser, ...pure, ...cdk, ...tidy],
        ...beside,
      }),
      project('pure', {
        include: pure,
        exclude: [...aws, ...mutants],
        plugins: [changePlugin],
        ...together,
        ...beside,
      }),
      project('mutants', { include: mutants, plugins: [changePlugin], ...together, ...beside }),
      project('cdk', { include: cdk, ...together, ...afterwards }),
      project('tidy', { include: tidy, ...afterwards }),
    ],
  },
});
