// The CDK app: `npx cdk deploy --all`. It bundles the functions, reads the knobs from the context and makes the stacks.
import path from 'node:path';
import { App } from 'aws-cdk-lib';
import { bundleFunctions } from './bundle-functions.ts';
import { configOfContext } from './config.ts';
import { createStacks } from './stacks.ts';

const bundles = path.resolve(import.meta.dirname, '../dist/functions');
await bundleFunctions(bundles);

const app = new App();
createStacks(app, configOfContext(app.node.getAllContext()), bundles);
