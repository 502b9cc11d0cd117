// A CDK app as a user writes it: Rivulet in one stack, and the functions of a shop in another one. The code of all functions is
// bundled already, in the folders that `-c bundles=` and `-c handlers=` name. The handlers tell the test, at `-c recorder=`.
import path from 'node:path';
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Rivulet, RivuletEventSource } from '../../../cdk/rivulet.ts';

const app = new App();
const given = (name: string): string => app.node.tryGetContext(name);

const platform = new Stack(app, 'PushPlatform');
const arn = (service: string, name: string) => `arn:aws:${service}:us-east-1:000000000000:${name}`;
const events = new Rivulet(platform, 'Events', {
  ...{ name: 'Push', throwAway: true, watch: 'off', bundles: given('bundles') },
  pushTargets: [arn('lambda', 'function:push-named*'), arn('sqs', 'push-named*')].join(','),
});
new CfnOutput(platform, 'Url', { value: events.url });

// Two rights that AWS does not ask for. The emulator takes SendMessageBatch for an action of its own, and looks for every schedule
// in the group `default`, whatever group it is in.
const more = new Policy(platform, 'OnlyForTheEmulator', {
  statements: [
    new PolicyStatement({ actions: ['sqs:SendMessageBatch'], resources: [arn('sqs', 'push-*')] }),
    new PolicyStatement({ actions: ['scheduler:CreateSchedule'], resources: [arn('scheduler', 'schedule/default/*')] }),
  ],
});
more.attachToRole(Role.fromRoleArn(platform, 'DispatcherRole', events.push.dispatcherRoleArn));

const shop = new Stack(app, 'PushShop');
function newFunction(functionName: string, handler: string, timeoutSeconds = 10): LambdaFunction {
  return new LambdaFunction(shop, functionName, {
    ...{ functionName, runtime: Runtime.NODEJS_24_X, handler: 'index.handler', memorySize: 256 },
    code: Code.fromAsset(path.join(given('handlers'), handler)),
    timeout: Duration.seconds(timeoutSeconds),
    environment: { RECORDER: given('recorder') },
  });
}

const startingPosition = 'TRIM_HORIZON';
newFunction('push-middy', 'middy').addEventSource(
  new RivuletEventSource(events, 'of-middy', { startingPosition, partitions: 2 }),
);
newFunction('push-powertools', 'powertools').addEventSource(
  new RivuletEventSource(events, 'of-powertools', { startingPosition, consumerGroupId: 'powertools' }),
);
const dead = new Queue(shop, 'Dead', { queueName: 'push-dead' });
newFunction('push-with-queue', 'told').addEventSource(
  new RivuletEventSource(events, 'of-queue', { startingPosition, retryAttempts: 0, onFailure: dead }),
);
newFunction('push-named', 'told');
newFunction('push-named-hasty', 'told', 3);
newFunction('push-named-slow', 'told', 900);
newFunction('push-stranger', 'told');
