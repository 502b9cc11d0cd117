// `npm run pack` makes the packages that users install. There are two, because people who deploy need the functions' code:
//
//   dist/client   rivulet       the SDK, the command line and the service on one machine
//   dist/cdk      rivulet-cdk   the construct with the code of its functions, for people who deploy
//
// Node does not strip types below node_modules, so both are JavaScript with declarations. The folders are complete:
// `npm pack ./dist/cdk` makes the archive, and `npm publish ./dist/cdk` publishes it.
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Command, Option } from 'commander';
import { bundleFunctions, bundleKafkaGateway } from '../../cdk/bundle-functions.ts';
import { builtConsole } from '../../local/console/build.ts';
import { bundleForBrowser } from './bundle-browser.ts';
import { compile } from './compile.ts';
import { writeLicences } from './licences.ts';
import { writeManifest } from './manifest.ts';

const root = path.resolve(import.meta.dirname, '../..');
const command = new Command('npm run pack --')
  .description(
    'Makes the packages that users install: client, the SDK and the command line; cdk, the construct with its functions.',
  )
  .argument('[folder]', 'where to put them', path.join(root, 'dist'))
  .addOption(new Option('--only <package>', 'one of the two').choices(['client', 'cdk']))
  .parse();
const dist = path.resolve(command.processedArgs[0]);
const { only } = command.opts<{ only?: string }>();

async function packClient(): Promise<void> {
  const folder = await emptied('client');
  await writeLicences(root, folder, [await bundleForBrowser(path.join(folder, 'browser', 'rivulet.mjs'))]);
  const entries = {
    '.': 'client/rivulet',
    './properties': 'client/properties',
    './kafkajs': 'client/kafkajs/kafkajs',
    './opentelemetry': 'client/opentelemetry',
  };
  const sources = [...Object.values(entries), 'cli/main'].map((file) => `${file}.ts`);
  await compile({ root, entries: sources, folder });
  await cp(path.join(root, 'bin'), path.join(folder, 'bin'), { recursive: true });
  await writeManifest({
    root,
    folder,
    name: 'rivulet',
    description: 'Rivulet, Kafka without brokers: the SDK, the command line, and a service for one machine',
    entries: Object.fromEntries(Object.entries(entries).map(([imported, file]) => [imported, `${file}.js`])),
    bin: { rivulet: 'bin/rivulet.cjs' },
    // The SDK does without all of them: Node 24 runs the command line, and the clients of AWS are for `rivulet kafka`.
    optional: ['node', '@aws-sdk/client-dynamodb', '@aws-sdk/client-s3'],
    peers: [],
    optionalPeers: ['@opentelemetry/api'],
    browser: 'browser/rivulet.mjs',
  });
  console.log(`${folder}  rivulet      the SDK and the command line`);
  // The bundle of the page imports no package, so it comes after the manifest, which looks for imports.
  await cp(await builtConsole(), path.join(folder, 'console/dist'), { recursive: true });
}

async function packConstruct(): Promise<void> {
  const folder = await emptied('cdk');
  await compile({ root, entries: ['cdk/rivulet.ts'], folder });
  const bundles = path.join(folder, 'bundles');
  await writeLicences(root, folder, [...(await bundleFunctions(bundles)), ...(await bundleKafkaGateway(bundles))]);
  await writeManifest({
    root,
    folder,
    name: 'rivulet-cdk',
    description: 'Rivulet as an AWS CDK construct: Kafka without brokers in your own account',
    entries: { '.': 'cdk/rivulet.js' },
    peers: ['aws-cdk-lib', 'constructs'],
  });
  console.log(`${folder}     rivulet-cdk  the construct`);
}

async function emptied(name: string): Promise<string> {
  const folder = path.join(dist, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

if (only !== 'cdk') await packClient();
if (only !== 'client') await packConstruct();
