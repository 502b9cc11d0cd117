// The SDK in bundles that esbuild makes of other people's code: for a Lambda function, and for a page.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { newFolder, newProject, onEachNode, root, run, type Service, startService } from './project.ts';

let service: Service;
let url: string;
let project: string;
beforeAll(async () => {
  service = await startService();
  url = service.url;
  project = await newProject('module');
});

async function newTopic(topic: string) {
  const admin = new Rivulet({ url }).admin();
  await admin.createTopics({ topics: [{ topic, partitions: 1 }], ifNotExists: true });
  return admin;
}

describe('a Lambda function', () => {
  let bundle: string;
  let inputs: string[];
  let imports: { path: string; kind: string }[];

  // The function is the one that docs/SDK-GUIDE.md shows, and the options of esbuild are those that it names.
  beforeAll(async () => {
    const guide = await readFile(path.join(root, 'docs/SDK-GUIDE.md'), 'utf8');
    const [, example] = /## In a Lambda function\n.*?```ts\n(.*?)```/s.exec(guide)!;
    await writeFile(path.join(project, 'handler.ts'), example!);
    const outfile = path.join(await newFolder(), 'index.mjs');
    const { metafile } = await build({
      ...{ absWorkingDir: project, entryPoints: ['handler.ts'], outfile, bundle: true, metafile: true },
      ...{ platform: 'node', format: 'esm', external: ['@aws-sdk/*'] },
    });
    bundle = outfile;
    inputs = Object.keys(metafile.inputs);
    imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  });

  test('has no AWS SDK inside, and asks for one only where it needs credentials', () => {
    const others = inputs.filter((file) => file !== 'handler.ts' && !file.startsWith('../node_modules/rivulet/'));
    expect(others).toEqual([]);
    expect(imports.filter((one) => !one.path.startsWith('node:'))).toEqual([
      expect.objectContaining({ path: '@aws-sdk/credential-provider-node', kind: 'dynamic-import' }),
    ]);
  });

  // The process is killed where Lambda would freeze it: what the handler has not sent by then is lost.
  const runtime = `
    import { handler } from './index.mjs';
    import { writeSync } from 'node:fs';
    await handler({ orders: [{ id: 'a' }, { id: 'b' }] });
    await handler({ orders: [{ id: 'c' }] });
    writeSync(1, 'replied');
    process.kill(process.pid, 'SIGKILL');
  `;

  onEachNode('has sent everything when it replies, by one producer for all calls,', async (node) => {
    const admin = await newTopic('orders');
    const earlier = service.requests.length;
    const before = (await admin.fetchTopicOffsets('orders'))[0]!.latest;
    const folder = path.dirname(bundle);
    await writeFile(path.join(folder, 'runtime.mjs'), runtime);
    const frozen = await run(node, ['runtime.mjs'], folder, { RIVULET_URL: url }).catch((error) => error);
    expect(frozen).toMatchObject({ signal: 'SIGKILL', stdout: 'replied' });
    const newProducers = service.requests.slice(earlier).filter((request) => request === 'POST /v1/producers');
    expect(newProducers).toHaveLength(1);
    expect((await admin.fetchTopicOffsets('orders'))[0]!.latest - before).toBe(3);
  });
});

describe('a page', () => {
  let bundle: string;
  beforeAll(async () => {
    await writeFile(path.join(project, 'page.ts'), "export { Rivulet } from 'rivulet';");
    bundle = path.join(project, 'page.mjs');
  });

  test('gets the build for browsers, below 60 kB, and nothing else', async () => {
    const { metafile } = await build({
      ...{ absWorkingDir: project, entryPoints: ['page.ts'], outfile: bundle, bundle: true, metafile: true },
      ...{ platform: 'browser', format: 'esm', minify: true, target: 'es2024' },
    });
    expect(Object.keys(metafile.inputs).sort()).toEqual(['../node_modules/rivulet/browser/rivulet.mjs', 'page.ts']);
    expect(gzipSync(await readFile(bundle), { level: 9 }).length).toBeLessThan(60_000);
  });

  test('may have spans too: they need nothing that a page lacks', async () => {
    await writeFile(path.join(project, 'spans.ts'), "export { openTelemetry } from 'rivulet/opentelemetry';");
    const { outputFiles } = await build({
      ...{ absWorkingDir: project, entryPoints: ['spans.ts'], bundle: true, write: false },
      ...{ platform: 'browser', format: 'esm', external: ['@opentelemetry/api'] },
    });
    const { text } = outputFiles[0]!;
    expect([...text.matchAll(/\b(?:Buffer\.|process\.|require\(|node:\w)/g)].map(String)).toEqual([]);
    expect([...text.matchAll(/from "(.*)"/g)].map(([, name]) => name)).toEqual(['@opentelemetry/api']);
  });

  test('writes and reads among the globals of a browser', async () => {
    await newTopic('page');
    const page = path.join(root, 'test/client/browser-page.mjs');
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    const story = JSON.stringify({ topic: 'page', url, credentials });
    const printed = await run(process.execPath, ['--experimental-vm-modules', page, bundle, story], project);
    expect(JSON.parse(printed).seen).toEqual([{ key: 'page', value: 'grüße '.repeat(3), headers: ['a=b'] }]);
  });
});
