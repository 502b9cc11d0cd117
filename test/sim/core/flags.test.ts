// A mistyped flag must be refused. Otherwise a run would test nothing, and so find nothing.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../../cli/processes.ts';
import { groupSimulation } from '../groups/simulation.ts';
import { logSimulation } from '../log/simulation.ts';
import { offsetsSimulation } from '../offsets/simulation.ts';
import { commandOfWorlds } from './flags.ts';

test.each([
  [groupSimulation, ['--small', 'nosuch'], /There are 'all', 'one joins, the first leaves'/],
  [groupSimulation, ['--world', 'nosuch'], /There are 'usual', /],
  [groupSimulation, ['--seeds', 'x'], /It must be a number/],
  [groupSimulation, ['--seeds', '0'], /1 or more/],
  [groupSimulation, ['--small', 'all', '--pairs', 'x'], /It must be a number/],
  [offsetsSimulation, ['--small', 'nosuch'], /There are 'all', 'two commit to one partition'/],
  [offsetsSimulation, ['--pairs', '1.5'], /It must be a whole number/],
  [offsetsSimulation, ['--small', 'all', '--faults', '3:nosuch'], /Faults are request-lost, /],
  [logSimulation, ['--small', 'all', '--part', '3/2'], /It must be like 3\/20/],
])('of $script, %j is refused', (simulation, args, sentence) => {
  const command = commandOfWorlds(simulation)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  expect(() => command.parse(args, { from: 'user' })).toThrow(sentence);
});

test.each([
  ['log/main.ts', ['--seeds', '0'], /1 or more/],
  ['offsets/main.ts', ['--faults', '3:reply-lost'], /--faults needs --small/],
  ['real/main.ts', ['--seconds', 'x'], /It must be a number/],
])('%s %j ends with 1, and runs nothing', async (script, args, sentence) => {
  const { code, stdout, stderr } = await start(join(import.meta.dirname, '..', script), args).finished;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(sentence);
});
