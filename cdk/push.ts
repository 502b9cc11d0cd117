// The parts that push records in AWS: the stream of the table invokes the router, which invokes the dispatcher once for each
// subscription and partition. The dispatcher invokes the targets, and itself later, by one-time schedules.
//
// Invariant: the dispatcher alone may call targets. It may call those that `pushTargets` names, and those whose own policies
// let it (event-source.ts). The Scheduler alone may use the role of the schedules, and that role can only invoke the
// dispatcher.
import { Duration, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acceptWildcard } from './accepted-findings.ts';
import type { RivuletConfig } from './config.ts';
import type { Functions } from './functions.ts';
import type { Stored } from './storage.ts';

type PushProps = {
  readonly functions: Functions;
  readonly stored: Stored;
  /** Gets batches of the stream that the router could not take, and events that failed three runs of the dispatcher. */
  readonly deadLetters: Queue;
  readonly config: RivuletConfig;
};

/** The other side of a push needs these: the roles that its policies let in, and the function that makes subscriptions. */
export type PushAccess = {
  readonly dispatcherRoleArn: string;
  readonly subscriptionsRoleArn: string;
  readonly subscriptionsFunctionArn: string;
};

export const pushAccess = ({ dispatcher, subscriptions }: Functions): PushAccess => ({
  dispatcherRoleArn: dispatcher.role!.roleArn,
  subscriptionsRoleArn: subscriptions.role!.roleArn,
  subscriptionsFunctionArn: subscriptions.functionArn,
});

export function createPush(scope: Construct, props: PushProps): void {
  const { dispatcher } = props.functions;
  // The event of a run that died comes again after one and two minutes, and while the dispatcher is at its cap, for six hours.
  dispatcher.configureAsyncInvoke({
    onFailure: new SqsDestination(props.deadLetters),
    retryAttempts: 2,
    maxEventAge: Duration.hours(6),
  });
  followStream(scope, props);
  letSchedule(scope, dispatcher);
  letCallTargets(scope, props);
}

/** Heads of partitions that have subscriptions, after each change: `h` is the sort key of heads, `f` the flag (lib/storage/keys.ts). */
export const flaggedHeads = {
  dynamodb: { Keys: { sk: { S: ['h'] } }, NewImage: { f: { N: [{ exists: true }] } } },
} as const;

/**
 * Lambda would try a batch that fails for a day, and all partitions of its shard would wait. So it gives up soon: the hourly
 * look finds the records of a batch that was lost.
 */
function followStream(scope: Construct, { functions: { router }, stored, deadLetters }: PushProps): void {
  const { tableStreamArn } = stored;
  const actions = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map((name) => `dynamodb:${name}`);
  router.addToRolePolicy(new PolicyStatement({ actions, resources: [tableStreamArn] }));
  deadLetters.grantSendMessages(router);
  const mapping = new CfnEventSourceMapping(scope, 'Stream', {
    functionName: router.functionName,
    eventSourceArn: tableStreamArn,
    startingPosition: 'TRIM_HORIZON',
    batchSize: 1_000,
    maximumBatchingWindowInSeconds: 0,
    parallelizationFactor: 1,
    maximumRetryAttempts: 3,
    maximumRecordAgeInSeconds: 300,
    functionResponseTypes: ['ReportBatchItemFailures'],
    filterCriteria: { filters: [{ pattern: JSON.stringify(flaggedHeads) }] },
    destinationConfig: { onFailure: { destination: deadLetters.queueArn } },
  });
  // Lambda checks the rights of the role when the mapping is made.
  mapping.node.addDependency(router.role!);
}

/** The schedules of a deployment are a group of their own, which goes with its stack. */
function letSchedule(scope: Construct, dispatcher: LambdaFunction): void {
  const stack = Stack.of(scope);
  const group = new CfnScheduleGroup(scope, 'Schedules');
  const conditions = { StringEquals: { 'aws:SourceAccount': stack.account } };
  const role = new Role(scope, 'SchedulesRole', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', { conditions }),
  });
  role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [dispatcher.functionArn] }));
  dispatcher.addEnvironment('SCHEDULE_GROUP', group.ref).addEnvironment('SCHEDULE_ROLE', role.roleArn);
  const schedules = stack.formatArn({ service: 'scheduler', resource: 'schedule', resourceName: `${group.ref}/*` });
  const policy = new Policy(scope, 'DispatcherSchedules', {
    statements: [
      new PolicyStatement({ actions: ['scheduler:CreateSchedule'], resources: [schedules] }),
      new PolicyStatement({
        actions: ['iam:PassRole'],
        resources: [role.roleArn],
        conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
      }),
    ],
  });
  dispatcher.role!.attachInlinePolicy(policy);
  acceptWildcard(
    policy,
    schedules,
    'Schedules have random names. The role is limited to the schedules of this one group.',
  );
}

/** The subscriptions function looks at a target before it writes a subscription. */
function letCallTargets(scope: Construct, { functions, config }: PushProps): void {
  const arns = config.pushTargets.split(',').filter((arn) => arn !== '');
  const rightsOn = (service: 'lambda' | 'sqs', action: string) => {
    const resources = arns.filter((arn) => arn.split(':')[2] === service);
    return resources.length > 0 ? [new PolicyStatement({ actions: [action], resources })] : [];
  };
  const calls = [...rightsOn('lambda', 'lambda:InvokeFunction'), ...rightsOn('sqs', 'sqs:SendMessage')];
  const looks = [
    ...rightsOn('lambda', 'lambda:GetFunctionConfiguration'),
    ...rightsOn('sqs', 'sqs:GetQueueAttributes'),
  ];
  if (arns.length === 0) return;
  const toCall = new Policy(scope, 'DispatcherTargets', { statements: calls });
  const toLook = new Policy(scope, 'SubscriptionsTargets', { statements: looks });
  // The policy cannot tell the targets of the API's clients from those with a RivuletEventSource. So the function compares.
  functions.subscriptions.addEnvironment('PUSH_TARGETS', config.pushTargets);
  functions.dispatcher.role!.attachInlinePolicy(toCall);
  functions.subscriptions.role!.attachInlinePolicy(toLook);
  for (const arn of arns.filter((one) => one.includes('*')))
    for (const policy of [toCall, toLook]) acceptWildcard(policy, arn, 'The option pushTargets names these targets.');
}
