import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { appWith, existingTableStream } from './synth.ts';

const findingsIn = (app: App) =>
  new AwsSolutionsChecks(app)
    .validateScope(app)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
    );

describe('cdk-nag', () => {
  test.each([
    ['as it is', {}],
    ['with everything', { watch: 'full', dashboard: true, alarmEmail: 'operator@example.com', metricsPerTopic: true }],
    ['that is thrown away', { throwAway: true }],
    [
      'with a Kafka gateway',
      { kafkaGateway: true, kafkaSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-AbCdEf' },
    ],
    [
      'with targets of pushes',
      {
        pushTargets:
          'arn:aws:lambda:eu-central-1:123456789012:function:orders-*,arn:aws:sqs:eu-central-1:123456789012:dead-*',
        pushConcurrency: 100,
      },
    ],
    [
      'with data of another deployment',
      { existingBucket: 'kept-bucket', existingTable: 'kept-table', existingTableStream },
    ],
  ])('finds nothing in a deployment %s', (_, given) => {
    expect(findingsIn(appWith(given))).toEqual([]);
  });

  test('finds a careless bucket', () => {
    const app = new App();
    new Bucket(new Stack(app, 'Careless'), 'Open');
    expect(findingsIn(app)).toContainEqual(expect.stringMatching(/^AwsSolutions-S10 at Careless/));
  });

  test('finds each acknowledgement on a resource of its own, with a reason', () => {
    const acknowledged = appWith()
      .node.findAll()
      .flatMap(({ node }) => node.metadata.map(({ type, data }) => ({ path: node.path, type, data })))
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    const where = acknowledged.map(({ path, data }) => [path, ...Object.keys(data).map((id) => id.split(/::|\[/)[1])]);
    expect(where.sort()).toEqual([
      ['RivuletData/Storage/Segments', 'AwsSolutions-S1'],
      ['RivuletService/Service/Api/GET --openapi.json', 'AwsSolutions-APIG4'],
      ['RivuletService/Service/Api/GET --v1--health', 'AwsSolutions-APIG4'],
      ['RivuletService/Service/Api/HEAD --openapi.json', 'AwsSolutions-APIG4'],
      ['RivuletService/Service/Api/HEAD --v1--health', 'AwsSolutions-APIG4'],
      ['RivuletService/Service/DeadLetters', 'AwsSolutions-SQS3'],
      ['RivuletService/Service/DispatcherRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/DispatcherSchedules', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/FetchRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/GroupsRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/MaintenanceRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/ProduceRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/SubscriptionsRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/TendRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/TopicsRole', 'AwsSolutions-IAM5'],
      ['RivuletService/Service/TransactionsRole', 'AwsSolutions-IAM5'],
    ]);
    for (const { data } of acknowledged)
      for (const reason of Object.values(data)) expect(reason).toMatch(/^[A-Z].{30,}\.$/);
  });
});
