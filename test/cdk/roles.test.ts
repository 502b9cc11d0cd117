import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { resourcesOf, templatesWith } from './synth.ts';

type Statement = { Effect: string; Action: string | string[]; Resource: unknown };

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** The kind of a policy's resource, in a word. */
function kindOf(resource: unknown): string {
  const text = JSON.stringify(resource);
  if (/StorageSegments.*\/\*/.test(text)) return 'objects';
  if (/StorageSegments/.test(text)) return 'bucket';
  if (/StorageIndex.*StreamArn/.test(text)) return 'stream';
  if (/StorageIndex/.test(text)) return 'table';
  if (/Log/.test(text)) return 'own log';
  if (/DeadLetters/.test(text)) return 'dead letters';
  if (/:schedule\//.test(text)) return 'own schedules';
  if (/SchedulesRole/.test(text)) return 'the role of the schedules';
  const [, called] = /"Service(Tend|Maintenance|Dispatcher)[0-9A-F]+"/.exec(text) ?? [];
  if (called) return called;
  return text;
}

/** For each function: each action that its role allows, with the resource that it allows the action on. */
function matrixOf(template: Template): Record<string, string[]> {
  const functions = resourcesOf(template, 'AWS::Lambda::Function');
  const policies = resourcesOf(template, 'AWS::IAM::Policy').map(([, { Properties }]) => Properties);
  return Object.fromEntries(
    functions.map(([id, { Properties }]) => {
      const role = (Properties.Role as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0];
      const own = policies.filter(({ Roles }) => JSON.stringify(Roles) === JSON.stringify([{ Ref: role }]));
      const statements = own.flatMap(({ PolicyDocument }) => (PolicyDocument as { Statement: Statement[] }).Statement);
      const allowed = statements.flatMap(({ Effect, Action, Resource }) =>
        list(Action).flatMap((action) => list(Resource).map((on) => `${Effect} ${action} on ${kindOf(on)}`)),
      );
      return [/^Service([A-Z][a-z]+)/.exec(id)?.[1] ?? id, allowed.sort()];
    }),
  );
}

describe('the roles of the functions', () => {
  const template = templatesWith().RivuletService!;
  const log = ['Allow logs:CreateLogStream on own log', 'Allow logs:PutLogEvents on own log'];

  test('allow what the function needs, and nothing else', () => {
    expect(matrixOf(template)).toEqual({
      Produce: [
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow lambda:InvokeFunction on Tend',
        ...log,
        'Allow s3:PutObject on objects',
      ],
      Fetch: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:Query on table',
        ...log,
        'Allow s3:GetObject on objects',
      ],
      Topics: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow lambda:InvokeFunction on Tend',
        ...log,
        'Allow s3:GetObject on objects',
      ],
      Groups: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        ...log,
        'Allow s3:GetObject on objects',
      ],
      Transactions: [
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        ...log,
        'Allow s3:PutObject on objects',
      ],
      Meta: log,
      Lag: [
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow lambda:InvokeFunction on Dispatcher',
        'Allow lambda:InvokeFunction on Tend',
        ...log,
        'Allow sqs:GetQueueAttributes on dead letters',
        'Allow sqs:GetQueueUrl on dead letters',
        'Allow sqs:SendMessage on dead letters',
      ],
      Subscriptions: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow lambda:InvokeFunction on Dispatcher',
        ...log,
        'Allow s3:GetObject on objects',
      ],
      Router: [
        'Allow dynamodb:DescribeStream on stream',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:GetRecords on stream',
        'Allow dynamodb:GetShardIterator on stream',
        'Allow dynamodb:ListStreams on stream',
        'Allow dynamodb:Query on table',
        'Allow lambda:InvokeFunction on Dispatcher',
        ...log,
        'Allow sqs:GetQueueAttributes on dead letters',
        'Allow sqs:GetQueueUrl on dead letters',
        'Allow sqs:SendMessage on dead letters',
      ],
      Dispatcher: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow iam:PassRole on the role of the schedules',
        'Allow lambda:InvokeFunction on Dispatcher',
        ...log,
        'Allow s3:GetObject on objects',
        'Allow s3:PutObject on objects',
        'Allow scheduler:CreateSchedule on own schedules',
        'Allow sqs:GetQueueAttributes on dead letters',
        'Allow sqs:GetQueueUrl on dead letters',
        'Allow sqs:SendMessage on dead letters',
      ],
      Tend: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:ConditionCheckItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow lambda:InvokeFunction on Maintenance',
        'Allow lambda:InvokeFunction on Tend',
        ...log,
        'Allow s3:GetObject on objects',
        'Allow s3:PutObject on objects',
        'Allow sqs:GetQueueAttributes on dead letters',
        'Allow sqs:GetQueueUrl on dead letters',
        'Allow sqs:SendMessage on dead letters',
      ],
      Maintenance: [
        'Allow dynamodb:BatchGetItem on table',
        'Allow dynamodb:DeleteItem on table',
        'Allow dynamodb:GetItem on table',
        'Allow dynamodb:PutItem on table',
        'Allow dynamodb:Query on table',
        'Allow dynamodb:UpdateItem on table',
        'Allow lambda:InvokeFunction on Tend',
        ...log,
        'Allow s3:DeleteObject on objects',
        'Allow s3:GetObject on objects',
        'Allow s3:ListBucket on bucket',
        'Allow s3:PutObject on objects',
        'Allow sqs:GetQueueAttributes on dead letters',
        'Allow sqs:GetQueueUrl on dead letters',
        'Allow sqs:SendMessage on dead letters',
      ],
    });
  });

  test('have no managed policy and no inline policy, and trust Lambda alone', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::IAM::Role')) {
      expect(Object.keys(Properties)).toEqual(['AssumeRolePolicyDocument']);
      const Service = id.startsWith('ServiceSchedulesRole') ? 'scheduler.amazonaws.com' : 'lambda.amazonaws.com';
      expect(Properties.AssumeRolePolicyDocument).toMatchObject({
        Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service } }],
      });
    }
  });

  test('let the Scheduler invoke the dispatcher, and only for this account', () => {
    const [, role] = resourcesOf(template, 'AWS::IAM::Role').find(([id]) => id.startsWith('ServiceSchedulesRole'))!;
    expect(role.Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [{ Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } } }],
    });
    const policies = resourcesOf(template, 'AWS::IAM::Policy').filter(([id]) => id.startsWith('ServiceSchedulesRole'));
    expect(policies).toHaveLength(1);
    expect(policies[0]![1].Properties.PolicyDocument).toMatchObject({
      Statement: [
        { Action: 'lambda:InvokeFunction', Resource: { 'Fn::GetAtt': [expect.stringMatching('Dispatcher'), 'Arn'] } },
      ],
    });
  });

  test('may call the targets that the options name, and look at them before', () => {
    const [fn, queue] = ['lambda:eu-west-1:123456789012:function:a-*', 'sqs:eu-west-1:123456789012:b'].map(
      (name) => `arn:aws:${name}`,
    );
    const withTargets = templatesWith({ pushTargets: `${fn},${queue}` }).RivuletService!;
    const more = matrixOf(withTargets);
    // Only this function compares what clients of the API name with the option.
    const compared = resourcesOf(withTargets, 'AWS::Lambda::Function').flatMap(([id, { Properties }]) =>
      JSON.stringify(Properties.Environment).includes(`"PUSH_TARGETS":"${fn},${queue}"`) ? [id] : [],
    );
    expect(compared).toEqual([expect.stringMatching(/^ServiceSubscriptions/)]);
    const plain = matrixOf(template);
    const added = (name: string) => more[name]!.filter((right) => !plain[name]!.includes(right));
    expect(added('Dispatcher')).toEqual([
      `Allow lambda:InvokeFunction on "${fn}"`,
      `Allow sqs:SendMessage on "${queue}"`,
    ]);
    expect(added('Subscriptions')).toEqual([
      `Allow lambda:GetFunctionConfiguration on "${fn}"`,
      `Allow sqs:GetQueueAttributes on "${queue}"`,
    ]);
    expect(Object.keys(plain).filter((name) => added(name).length > 0)).toEqual(['Subscriptions', 'Dispatcher']);
  });
});
