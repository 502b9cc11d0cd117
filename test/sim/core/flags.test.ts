// A mistyped flag must not be a run of nothing that finds nothing.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../../cli/processes.ts';

test.each([
  ['groups/main.ts', ['--small', 'nosuch'], /There are 'all', 'one joins, the first leaves'/],
  ['groups/main.ts', ['--world', 'nosuch'], /There are 'usual', /],
  ['groups/main.ts', ['--seeds', 'x'], /It must be a number/],
  ['groups/main.ts', ['--seeds', '0'], /1 or more/],
  ['groups/main.ts', ['--small', 'all', '--pairs', 'x'], /It must be a number/],
  ['offsets/main.ts', ['--small', 'nosuch'], /There are 'all', 'two commit to one partition'/],
  ['offsets/main.ts', ['--pairs', '1.5'], /It must be a whole number/],
  ['offsets/main.ts', ['--faults', '3:reply-lost'], /--faults needs --small/],
  ['offsets/main.ts', ['--small', 'all', '--faults', '3:nosuch'], /Faults are request-lost, /],
  ['real/main.ts', ['--seconds', 'x'], /It must be a number/],
  ['log/main.ts', ['--seeds', '0'], /1 or more/],
])('%s %j is refused', async (script, args, sentence) => {
  const { code, stdout, stderr } = await start(join(import.meta.dirname, '..', script), args).finished;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(sentence);
});
