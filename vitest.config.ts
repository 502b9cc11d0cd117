import { defineConfig } from 'vitest/config';

/** `tidy` reads the source as text and is part of `npm run check`; `all` is everything else. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: ['test/tidy.test.ts'],
          globalSetup: ['test/aws/setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'tidy', include: ['test/tidy.test.ts'] } },
    ],
  },
});
