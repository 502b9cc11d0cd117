// The CDK app: `npx cdk deploy --all`. It reads the options from the context, bundles the functions and makes the stacks.
import path from 'node:path';
import { App } from 'aws-cdk-lib';
import { bundleFunctions, bundleKafkaGateway } from './bundle-functions.ts';
import { configOfContext, type RivuletConfig } from './config.ts';
import { createStacks } from './stacks.ts';

const app = new App();
const config = readConfig(app);
const bundles = path.resolve(import.meta.dirname, '../dist/functions');
await bundleFunctions(bundles);
if (config.kafkaGateway) await bundleKafkaGateway(bundles);
createStacks(app, config, bundles);

/** Prints a wrong option as one sentence, without a stack trace. */
function readConfig({ node }: App): RivuletConfig {
  try {
    return configOfContext(node.getAllContext());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
