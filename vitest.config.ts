import { defineConfig } from 'vitest/config';
import { changePlugin } from './test/sim/core/change-plugin.ts';

/**
 * `tidy` reads the source as text and is part of `npm run check`; `cdk` shares one process, because loading the CDK takes
 * longer than the tests; `all` is everything else.
 */
export default defineConfig({
  test: {
    projects: [
      {
        plugins: [changePlugin],
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: ['test/tidy.test.ts', 'test/cdk/**'],
          globalSetup: ['test/aws/setup.ts'],
          // One more than the two cores of a small machine: tests that wait for processes run beside tests that compute.
          maxWorkers: 3,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cdk',
          include: ['test/cdk/**/*.test.ts'],
          isolate: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'tidy', include: ['test/tidy.test.ts'], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
