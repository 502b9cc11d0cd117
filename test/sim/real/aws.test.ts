// Two processes run over S3 and DynamoDB, and one is killed now and then. Requests and replies are lost between clients
// and servers and between servers and storage. The checker judges what the clients saw.
import { afterAll, expect, test } from 'vitest';
import { onStorage } from '../../aws/resources.ts';
import { startAwsHome } from './aws-backend.ts';
import type { RealHome } from './backend.ts';
import { judge } from './judge.ts';
import { summaryOf } from './summary.ts';
import { defaultRealWorld, runRealWorld } from './world.ts';

let backend: RealHome | undefined;
afterAll(() => backend?.close());

await onStorage((connection) => {
  test('S3 and DynamoDB: kills and lost replies leave a history without an anomaly', { timeout: 600_000 }, async () => {
    backend = await startAwsHome(connection);
    const result = await runRealWorld(backend, {
      ...defaultRealWorld,
      // Appends of one or two records become items, and larger ones objects.
      inlineMaxBytes: 340,
      seconds: 10,
      kills: 3,
      faults: 1,
      faultShare: 0.03,
      killEveryMs: 3_000,
    });
    console.log(summaryOf(result));
    expect(judge(result)).toEqual([]);
    const { sends } = result.history;
    expect(sends.filter(({ tries }) => typeof tries.at(-1) === 'number').length).toBeGreaterThan(0);
  });
});
