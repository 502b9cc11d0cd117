import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../cli/processes.ts';

const script = join(import.meta.dirname, '../../examples/payments.ts');

test('the payments demo proves that each payment is applied once, though a worker is killed', {
  timeout: 90_000,
}, async () => {
  const { code, stdout, stderr } = await start(script, ['--payments', '120', '--kills', '1']).finished;
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^ {2}Killed worker \d+ in the middle of its work\./m);
  expect(stdout).toContain('240 postings add up to 0\n');
  expect(stdout.match(/^ {2}true {3}/gm)).toHaveLength(6);
  expect(stdout).not.toContain('FALSE');
  expect(code).toBe(0);
});
