import { vi } from 'vitest';

/** Resolves once the check passes. Tests that run at the same time cannot use `expect.poll`, which belongs to one test. */
export const eventually = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 60_000, interval: 20 });
