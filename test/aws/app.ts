// A second CDK app, for deployments beside the one that cdk.json makes. Its bundles are in a folder of their own, because
// several apps may run at the same time. With `-c functions=faulty` the functions have faults in them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { bundleFunctions } from '../../cdk/bundle-functions.ts';
import { configOfContext } from '../../cdk/config.ts';
import { createStacks } from '../../cdk/stacks.ts';
import { bundleFaultyFunctions } from './faulty/bundle.ts';

const bundles = mkdtempSync(join(tmpdir(), 'rivulet-functions-'));
process.on('exit', () => rmSync(bundles, { recursive: true, force: true }));

const app = new App();
await (app.node.tryGetContext('functions') === 'faulty' ? bundleFaultyFunctions : bundleFunctions)(bundles);
createStacks(app, configOfContext(app.node.getAllContext()), bundles);
