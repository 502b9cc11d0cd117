import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newDirectory, start, startService } from '../cli/processes.ts';

test('the quickstart prints what it writes and reads', async () => {
  const service = await startService(newDirectory());
  const script = join(import.meta.dirname, '../../examples/quickstart.ts');
  const { code, stdout, stderr } = await start(script, [], { RIVULET_URL: service.url }).finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.match(/^written: partition \d, offset \d$/gm)).toHaveLength(3);
  expect(stdout.match(/^read: .*/gm)).toHaveLength(3);
  expect(stdout.indexOf('ada wants espresso')).toBeLessThan(stdout.indexOf('ada wants another espresso'));
  await service.stop('SIGTERM');
});
