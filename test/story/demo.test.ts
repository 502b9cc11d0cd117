import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runHere } from '../cli/here.ts';
import { start, startService } from '../cli/processes.ts';

const root = join(import.meta.dirname, '../..');
// Variables that a person has set for AWS are not meant for the demo's own service.
const elsewhere = { AWS_REGION: 'eu-west-1' };
/** Six processes compute for seconds, and other tests may run beside them. */
const patient = { timeout: 90_000 };
let directory: string | undefined;

afterAll(() => {
  if (directory) rmSync(directory, { recursive: true });
});

test('the demo proves its claims, and the commands that it suggests work on its data directory', patient, async () => {
  const { code, stdout, stderr } = await start(join(root, 'examples/demo.ts'), [], elsewhere).finished;
  directory = /== The data directory: (\S+)/.exec(stdout)?.[1];
  expect(stderr).toBe('');
  expect(stdout).toContain('true   every flight came back: 20000 written, 20000 read');
  expect(stdout).toMatch(/^ {2}Killed bruno\. Its partitions \d, \d wait /m);
  expect(stdout.match(/^ {2}(anna|clara) takes over \d, \d+\.\d s after the kill$/gm)).toHaveLength(2);
  expect(stdout).toMatch(/^[\d,]+ flights came twice: /m);
  expect(stdout.match(/^ {2}true {3}/gm)).toHaveLength(4);
  expect(stdout).not.toContain('FALSE');
  expect(stdout).toMatch(/^DFW +1103 /m);
  expect(code).toBe(0);

  const [, ...serve] = /npx rivulet (serve) --data (\S+)/.exec(stdout)!;
  expect(serve).toEqual(['serve', directory]);
  const service = await startService(directory!);
  const environment = { ...elsewhere, RIVULET_URL: service.url };
  for (const [, command] of stdout.matchAll(/^ {2}npx rivulet (topics .*|consume .*true|groups .*)$/gm))
    expect(await runHere(command!.split(' '), { environment })).toMatchObject({ code: 0 });
  const [, input, produce] = /echo '(.*)' \| npx rivulet (produce .*)/.exec(stdout)!;
  expect(await runHere(produce!.split(' '), { environment, input: input! })).toMatchObject({ code: 0 });
  await service.stop('SIGTERM');
});

test.each([
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('%s ends the demo and removes its data directory', patient, async (signal, exitCode) => {
  const demo = start(join(root, 'examples/demo.ts'), []);
  await demo.until(/== Writing/);
  demo.child.kill(signal);
  const { code, stderr } = await demo.finished;
  expect(code).toBe(exitCode);
  const [, removed] = /^\nInterrupted: (\S+) is removed\.\n$/.exec(stderr)!;
  expect(existsSync(removed!)).toBe(false);
});
