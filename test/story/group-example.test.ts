import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newDirectory, start, startService } from '../cli/processes.ts';

const example = (name: string) => join(import.meta.dirname, '../../examples', name);

test('the example of a group: a second member does not repeat what the first one committed', async () => {
  const service = await startService(newDirectory());
  const environment = { RIVULET_URL: service.url };
  const order = () => start(example('quickstart.ts'), [], environment).finished;
  expect(await order()).toMatchObject({ code: 0, stderr: '' });

  const one = start(example('group.ts'), [], environment);
  await one.until(/now mine: 0,1,2\n(made: .*\n){3}$/);
  one.child.kill('SIGINT');
  expect(await one.finished).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/given up: 0,1,2\n$/),
  });

  await order();
  const two = start(example('group.ts'), [], environment);
  await two.until(/(made: .*\n){3}/);
  two.child.kill('SIGHUP');
  const { stdout } = await two.finished;
  expect(stdout.match(/^made: /gm)).toHaveLength(3);
  expect(stdout).toMatch(/^made: .*, offset [1-9]\d*: another espresso for ada$/m);
  await service.stop('SIGTERM');
});
