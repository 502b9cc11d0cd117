// The CDK app: `npx cdk synth`. The stateful stack stands; the functions and their API come with a later version.
import { App } from 'aws-cdk-lib';
import { StatefulStack } from './stateful-stack.ts';

const app = new App();
new StatefulStack(app, 'RivuletData', { description: 'Rivulet: the segments and their index' });
