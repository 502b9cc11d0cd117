import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { newDirectory, start, startService } from '../cli/processes.ts';

const example = (name: string) => join(import.meta.dirname, '../../examples', name);

test('the example of exactlyOnce makes one bill of each order, over a restart', async () => {
  const service = await startService(newDirectory());
  const environment = { RIVULET_URL: service.url };
  const admin = new Rivulet({ url: service.url }).admin();
  const order = () => start(example('quickstart.ts'), [], environment).finished;
  const billed = async () => (await admin.fetchTopicOffsets('bills')).reduce((sum, { latest }) => sum + latest, 0);
  await admin.createTopics({ topics: [{ topic: 'bills', partitions: 3 }] });
  for (const total of [3, 6]) {
    expect(await order()).toMatchObject({ code: 0, stderr: '' });
    const billing = start(example('exactly-once.ts'), [], environment);
    await vi.waitFor(async () => expect(await billed()).toBe(total), { timeout: 60_000 });
    billing.child.kill('SIGINT');
    expect(await billing.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await billed()).toBe(total);
  }
  await service.stop('SIGTERM');
});
