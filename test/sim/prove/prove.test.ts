// A proof that is stopped continues where it was, and never mixes two commits.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newDirectory } from '../../cli/processes.ts';
import { allJobs } from './jobs.ts';

const directory = newDirectory();
const only = 'exhaustive `next-append`, all pairs, part 1/10';

const prove = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const script = join(import.meta.dirname, 'main.ts');
    execFile(process.execPath, [script, ...args], { cwd: directory }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

test('each job has a name of its own', () => {
  const names = allJobs().map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('the result names commit, world and cases, and finished jobs are not run again', async () => {
  const first = await prove('--only', only);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^1 of 1, about 0 minutes left: log, exhaustive `next-append`.*: no anomaly/);
  const result = readFileSync(join(directory, 'prove-result.md'), 'utf8');
  expect(result).toMatch(
    /\| log, exhaustive `next-append`, all pairs \(9 jobs left\) \| [^|]+ \| 12 single faults, \d+ pairs \|/,
  );
  expect(await prove('--only', only)).toMatchObject({ code: 1, stderr: expect.stringContaining('--resume') });
  const again = await prove('--only', only, '--resume');
  expect(again).toMatchObject({ code: 0, stdout: 'done: the result is in prove-result.md\n' });
});

test('a record of another commit is refused', async () => {
  writeFileSync(join(directory, 'prove.jsonl'), `${JSON.stringify({ commit: '0000000' })}\n`);
  expect(await prove('--only', only, '--resume')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is of commit 0000000'),
  });
});
