// A second CDK app, for deployments beside the one that cdk.json makes. Its functions are bundled already, in the folder that
// `-c bundles=` names, because bundling takes longer than everything else here.
import { App } from 'aws-cdk-lib';
import { configOfContext } from '../../cdk/config.ts';
import { createStacks } from '../../cdk/stacks.ts';

const app = new App();
createStacks(app, configOfContext(app.node.getAllContext()), app.node.tryGetContext('bundles'));
