// The embedded server is killed over and over under the load of every kind of client. Half of the clients use a proxy
// that loses requests and replies. The checker judges what the clients saw.
import { afterAll, expect, test } from 'vitest';
import { check } from '../log/check/check.ts';
import type { RealHome } from './backend.ts';
import { startEmbeddedHome } from './embedded-backend.ts';
import { summaryOf } from './summary.ts';
import { defaultRealWorld, runRealWorld } from './world.ts';

let backend: RealHome | undefined;
afterAll(() => backend?.close());

test('kills and lost replies leave a history without an anomaly', { timeout: 600_000 }, async () => {
  backend = await startEmbeddedHome();
  const result = await runRealWorld(backend, { ...defaultRealWorld, seconds: 5, kills: 4, faults: 1 });
  console.log(summaryOf(result));
  expect(check(result.history)).toEqual([]);
  const { sends } = result.history;
  // Every send that may be repeated was repeated until it was acknowledged.
  const unanswered = sends.filter(
    ({ idempotent, expectedOffset, tries }) =>
      idempotent && expectedOffset === undefined && typeof tries.at(-1) !== 'number',
  );
  expect(unanswered).toEqual([]);
});
