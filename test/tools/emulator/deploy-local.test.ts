// `npm run deploy:local` where it must not go on: what it says of an endpoint that will not do, and what it leaves behind
// when it is interrupted. The whole of it runs in CI as a person runs it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runningEmulator } from '../../../tools/emulator/given.ts';
import { onEmulator, onEndpoint } from '../../aws/resources.ts';
import { newDirectory, start } from '../../cli/processes.ts';

const main = join(import.meta.dirname, '../../../tools/emulator/main.ts');

test.each([
  ['ftp://127.0.0.1', 'must begin with http:// or https://, got ftp://127.0.0.1'],
  ['https://s3.eu-central-1.amazonaws.com', 'that is AWS itself; deploy there with npx cdk deploy --all'],
  ['http://127.0.0.1:9', 'no emulator answers there'],
])('the endpoint %s is refused in a sentence', async (url, why) => {
  const { code, stderr } = await start(main, ['--endpoint', url]).finished;
  expect(code).toBe(1);
  expect(stderr).toContain(why);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

await onEndpoint('localstack', ({ endpoint }) => {
  test('an emulator without HTTP APIs is refused by the services that are missing', async () => {
    await expect(runningEmulator(endpoint!)).rejects.toThrow(/it has no .*lambda.*apigatewayv2/);
  });
});

await onEmulator(({ endpoint }) => {
  test('an emulator that has all of it will do', async () => {
    expect(await runningEmulator(endpoint.url)).toMatchObject({ url: endpoint.url, region: endpoint.region });
  });

  test('Ctrl-C ends it at any time, and the emulator with it', { timeout: 60_000 }, async () => {
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
