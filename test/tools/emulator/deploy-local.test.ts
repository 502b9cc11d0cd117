// `npm run deploy:local` when it must stop: its error for an unsuitable endpoint, and that an interrupted run leaves nothing
// behind. CI runs the whole command as a person does.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runningEmulator } from '../../../tools/emulator/given.ts';
import { onEmulator, onEndpoint } from '../../aws/resources.ts';
import { newDirectory, start } from '../../cli/processes.ts';

const main = join(import.meta.dirname, '../../../tools/emulator/main.ts');

test.each([
  ['ftp://127.0.0.1', 'expected a URL that begins with http:// or https://, got ftp://127.0.0.1'],
  [
    'https://s3.eu-central-1.amazonaws.com',
    'got AWS itself at https://s3.eu-central-1.amazonaws.com: deploy there with npx cdk deploy --all',
  ],
  ['http://127.0.0.1:9', 'no emulator answers there'],
])('the endpoint %s is refused in one sentence', async (url, why) => {
  const { code, stderr } = await start(main, ['--endpoint', url]).finished;
  expect(code).toBe(1);
  expect(stderr).toContain(why);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

await onEndpoint('localstack', ({ endpoint }) => {
  test('an emulator without HTTP APIs is refused, and the error names the missing services', async () => {
    await expect(runningEmulator(endpoint!)).rejects.toThrow(/the emulator has no .*lambda.*apigatewayv2/);
  });
});

await onEmulator(({ endpoint }) => {
  test('an emulator with all needed services is accepted', async () => {
    expect(await runningEmulator(endpoint.url)).toMatchObject({ url: endpoint.url, region: endpoint.region });
  });

  test('Ctrl-C ends the command at any time, and its emulator too', async () => {
    const temporary = newDirectory();
    const emulators = () => readdirSync(temporary).filter((name) => name.startsWith('rivulet-emulator-'));
    const child = start(main, [], { TMPDIR: temporary });
    await child.until(/== Bootstrapping/);
    expect(emulators()).toHaveLength(1);
    child.child.kill('SIGINT');
    const { code, stderr } = await child.finished;
    expect({ code, stderr }).toEqual({ code: 130, stderr: '\nInterrupted.\n' });
    expect(emulators()).toEqual([]);
  });
});
