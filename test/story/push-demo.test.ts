import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../cli/processes.ts';

test('the demo of push bills all orders but the poison one in order, and that one after the fix', async () => {
  const { code, stdout, stderr } = await start(join(import.meta.dirname, '../../examples/push.ts'), []).finished;
  expect(stderr).toBe('');
  expect(stdout).toContain('Billed in order: 0 1 2 3 4 5 6 8 9');
  expect(stdout).toContain('In orders-dead: order-7');
  expect(stdout).toContain('Order 7 is billed too. 0 records left');
  expect(code).toBe(0);
});
