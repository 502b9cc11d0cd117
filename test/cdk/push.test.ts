import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code, FilterCriteria, Function as LambdaFunction, Runtime, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { describe, expect, test } from 'vitest';
import { flaggedHeads } from '../../cdk/push.ts';
import { Rivulet, RivuletEventSource } from '../../cdk/rivulet.ts';
import { headKey } from '../../lib/storage/keys.ts';
import { bundles, resourcesOf, templatesWith } from './synth.ts';

const template = templatesWith().RivuletService!;

describe('the stream of the table', () => {
  test('has new images, and is read by the router with the bounds that keep a bad batch from stopping a shard', () => {
    templatesWith().RivuletData!.hasResourceProperties('AWS::DynamoDB::Table', {
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    });
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionName: { Ref: Match.stringLikeRegexp('ServiceRouter') },
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 1_000,
      MaximumBatchingWindowInSeconds: 0,
      ParallelizationFactor: 1,
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 300,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      FilterCriteria: {
        Filters: [{ Pattern: '{"dynamodb":{"Keys":{"sk":{"S":["h"]}},"NewImage":{"f":{"N":[{"exists":true}]}}}}' }],
      },
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'Arn'] } },
      },
    });
  });

  test('is filtered by the sort key that heads have', () => {
    expect(flaggedHeads.dynamodb.Keys.sk.S).toEqual([headKey('topic', 0).sk]);
  });

  test('of an existing table is the one that the option names', () => {
    const existingTableStream =
      'arn:aws:dynamodb:eu-central-1:123456789012:table/restored/stream/2026-11-30T12:00:00.000';
    templatesWith({ existingTable: 'restored', existingTableStream }).RivuletService!.hasResourceProperties(
      'AWS::Lambda::EventSourceMapping',
      { EventSourceArn: existingTableStream },
    );
  });
});

test('the dispatcher may go on by invoking itself, gets its event again when a run died, and can have a cap', () => {
  templatesWith({ pushConcurrency: 50 }).RivuletService!.hasResourceProperties('AWS::Lambda::Function', {
    Description: 'Rivulet: pushes records to functions and webhooks',
    RecursiveLoop: 'Allow',
    Timeout: 900,
    ReservedConcurrentExecutions: 50,
    Environment: { Variables: Match.objectLike({ SCHEDULE_GROUP: Match.anyValue(), SCHEDULE_ROLE: Match.anyValue() }) },
  });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    FunctionName: { Ref: Match.stringLikeRegexp('ServiceDispatcher') },
    MaximumRetryAttempts: 2,
    MaximumEventAgeInSeconds: 21_600,
  });
});

describe('an event source', () => {
  const app = new App();
  const events = new Rivulet(new Stack(app, 'Platform'), 'Events', { bundles });
  const shop = new Stack(app, 'Shop');
  const code = Code.fromInline('exports.handler = async () => {};');
  const newFunction = (id: string) =>
    new LambdaFunction(shop, id, { code, handler: 'index.handler', runtime: Runtime.NODEJS_24_X });
  const orders = newFunction('Orders');
  const dead = new Queue(shop, 'Dead');
  orders.addEventSource(
    new RivuletEventSource(events, 'orders', {
      startingPosition: 'TRIM_HORIZON',
      consumerGroupId: 'billing',
      batchSize: 10,
      maxBatchingWindow: Duration.minutes(1),
      maxRecordAge: Duration.days(1),
      reportBatchItemFailures: true,
      filters: [FilterCriteria.filter({ value: { total: [{ numeric: ['>', 10] }] } })],
      onFailure: dead,
      partitions: 3,
    }),
  );
  newFunction('Audit').addEventSource(
    new RivuletEventSource(events, 'orders', { startingPosition: StartingPosition.LATEST, onFailure: 'orders-dead' }),
  );
  orders.addAlias('live').addEventSource(new RivuletEventSource(events, 'refunds', { startingPosition: 'LATEST' }));
  const platformTemplate = Template.fromStack(events.node.scope as Stack);
  const template = Template.fromStack(shop);
  const subscriptions = resourcesOf(template, 'Custom::RivuletSubscription').map(([, it]) => it);
  const settings = subscriptions.map(({ Properties }) => JSON.stringify(Properties.Subscription));
  const settingsOf = (name: 'billing' | 'Shop-Audit') => settings.find((text) => text.includes(name))!;

  test('makes the stack of the function depend on that of Rivulet, and not the other way round', () => {
    expect(shop.dependencies.map(({ stackName }) => stackName)).toEqual(['Platform']);
    expect((events.node.scope as Stack).dependencies).toEqual([]);
    expect(JSON.stringify(platformTemplate.toJSON())).not.toContain('Shop');
  });

  test('lets two roles of Rivulet in: the dispatcher may invoke the function, the other one may look at it', () => {
    const allowed = resourcesOf(template, 'AWS::Lambda::Permission').map(([, { Properties }]) => [
      /(Orders(?!Alias)|Audit|Aliaslive)/.exec(JSON.stringify(Properties.FunctionName))![1],
      Properties.Action,
      /(Dispatcher|Subscriptions)Role/.exec(JSON.stringify(Properties.Principal))![1],
    ]);
    const each = ['Orders', 'Audit', 'Aliaslive'].flatMap((name) => [
      [name, 'lambda:InvokeFunction', 'Dispatcher'],
      [name, 'lambda:GetFunctionConfiguration', 'Subscriptions'],
    ]);
    expect(allowed.sort()).toEqual(each.sort());
  });

  test('lets the same roles use its queue', () => {
    const [, policy] = resourcesOf(template, 'AWS::SQS::QueuePolicy')[0]!;
    const { Statement } = policy.Properties.PolicyDocument as { Statement: { Action: string; Principal: unknown }[] };
    expect(Statement.map(({ Action, Principal }) => [Action, /(\w+)Role/.exec(JSON.stringify(Principal))![1]])).toEqual(
      [
        ['sqs:SendMessage', expect.stringContaining('Dispatcher')],
        ['sqs:GetQueueAttributes', expect.stringContaining('Subscriptions')],
      ],
    );
  });

  test('creates its subscription after the permissions, with the settings as one text', () => {
    expect(settingsOf('billing')).toContain(
      String.raw`{\"topic\":\"orders\",\"groupId\":\"billing\",\"startingPosition\":\"TRIM_HORIZON\",\"batchSize\":10,` +
        String.raw`\"maximumBatchingWindowSeconds\":60,\"maximumRecordAgeSeconds\":86400,\"reportBatchItemFailures\":true,`,
    );
    expect(settingsOf('billing')).toContain('numeric');
    expect(settingsOf('Shop-Audit')).toContain(String.raw`\"onFailure\":{\"topic\":\"orders-dead\"}`);
    expect(subscriptions.map(({ Properties }) => Properties.Partitions).sort()).toEqual(['1', '1', '3']);
    const made = Object.values(template.findResources('Custom::RivuletSubscription')) as { DependsOn: string[] }[];
    expect(made.map(({ DependsOn }) => DependsOn.filter((id) => /Rivulet/.test(id)).length)).toEqual([2, 2, 2]);
  });

  test('names its group by the path of the function, unless it is given a name', () => {
    expect(settingsOf('Shop-Audit')).toMatch(/groupId\\":\\"Shop-Audit/);
  });

  test('is refused for a function whose policy cannot be added to', () => {
    const arn = 'arn:aws:lambda:eu-central-1:210987654321:function:theirs';
    const theirs = LambdaFunction.fromFunctionArn(shop, 'Theirs', arn);
    const source = new RivuletEventSource(events, 'orders', { startingPosition: 'LATEST' });
    expect(() => theirs.addEventSource(source)).toThrow(/^the function Shop\/Theirs: expected one whose policy/);
  });
});
