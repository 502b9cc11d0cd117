// `npm run pack` makes the packages that users install. There are two, because people who deploy need the functions' code:
//
//   dist/client   rivulet       the SDK, the command line and the service on one machine
//   dist/cdk      rivulet-cdk   the construct with the code of its functions, for people who deploy
//
// Node does not strip types below node_modules, so both are JavaScript with declarations. The folders are complete:
// `npm pack ./dist/cdk` makes the archive, and `npm publish ./dist/cdk` publishes it.
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { bundleFunctions, bundleKafkaGateway } from '../../cdk/bundle-functions.ts';
import { builtConsole } from '../../local/console/build.ts';
import { bundleForBrowser } from './bundle-browser.ts';
import { compile } from './compile.ts';
import { writeManifest } from './manifest.ts';

const root = path.resolve(import.meta.dirname, '../..');
const command = new Command('npm run pack --')
  .description(
    'Makes the packages that users install: client, the SDK and the command line; cdk, the construct with its functions.',
  )
  .argument('[folder]', 'where to put them', path.join(root, 'dist'))
  .parse();
const dist = path.resolve(command.processedArgs[0]);

async function packClient(): Promise<void> {
  const folder = await emptied('client');
  await bundleForBrowser(path.join(folder, 'browser', 'rivulet.mjs'));
  await compile({ root, entries: ['client/rivulet.ts', 'client/kafkajs/kafkajs.ts', 'cli/main.ts'], folder });
  await cp(path.join(root, 'bin'), path.join(folder, 'bin'), { recursive: true });
  await writeManifest({
    root,
    folder,
    name: 'rivulet',
    description: 'Rivulet, Kafka without brokers: the SDK, the command line, and a service for one machine',
    entries: { '.': 'client/rivulet.js', './kafkajs': 'client/kafkajs/kafkajs.js' },
    bin: { rivulet: 'bin/rivulet.cjs' },
    // The SDK does without all of them: Node 24 runs the command line, and the clients of AWS are for `rivulet kafka`.
    optional: ['node', '@aws-sdk/client-dynamodb', '@aws-sdk/client-s3'],
    peers: [],
    browser: 'browser/rivulet.mjs',
  });
  // The bundle of the page imports no package, so it comes after the manifest, which looks for imports.
  await cp(await builtConsole(), path.join(folder, 'console/dist'), { recursive: true });
}

async function packConstruct(): Promise<void> {
  const folder = await emptied('cdk');
  await compile({ root, entries: ['cdk/rivulet.ts'], folder });
  await bundleFunctions(path.join(folder, 'bundles'));
  await bundleKafkaGateway(path.join(folder, 'bundles'));
  await writeManifest({
    root,
    folder,
    name: 'rivulet-cdk',
    description: 'Rivulet as an AWS CDK construct: Kafka without brokers in your own account',
    entries: { '.': 'cdk/rivulet.js' },
    peers: ['aws-cdk-lib', 'constructs'],
  });
}

async function emptied(name: string): Promise<string> {
  const folder = path.join(dist, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

await packClient();
await packConstruct();
console.log(`${dist}/client  rivulet      the SDK and the command line\n${dist}/cdk     rivulet-cdk  the construct`);
