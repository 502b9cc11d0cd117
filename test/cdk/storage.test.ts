import type { Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { appWith, templatesWith } from './synth.ts';

const template = templatesWith().RivuletData!;

test('the table has the key schema that never changes, can be restored to a point in time, and is billed by request', () => {
  template.hasResource('AWS::DynamoDB::Table', {
    DeletionPolicy: 'Retain',
    Properties: {
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7 },
    },
  });
});

test('the bucket is private, encrypted, refuses plain HTTP, and outlives its stack', () => {
  template.hasResource('AWS::S3::Bucket', {
    DeletionPolicy: 'Retain',
    Properties: {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    },
  });
  template.hasResourceProperties('AWS::S3::BucketPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      ]),
    },
  });
});

test('deleted objects and the past of the table are kept for the same number of days', () => {
  const { RivuletData } = templatesWith({ restoreDays: 12 });
  RivuletData!.hasResourceProperties('AWS::S3::Bucket', {
    VersioningConfiguration: { Status: 'Enabled' },
    LifecycleConfiguration: { Rules: [Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 12 } })] },
  });
  RivuletData!.hasResourceProperties('AWS::DynamoDB::Table', {
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 12 },
  });
});

test('the removal of a throw-away deployment deletes its data', () => {
  const { RivuletData } = templatesWith({ throwAway: true });
  RivuletData!.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
  RivuletData!.hasResource('AWS::DynamoDB::Table', {
    DeletionPolicy: 'Delete',
    Properties: Match.objectLike({ DeletionProtectionEnabled: false }),
  });
  RivuletData!.resourceCountIs('Custom::S3AutoDeleteObjects', 1);
  template.resourceCountIs('Custom::S3AutoDeleteObjects', 0);
});

test.each([
  [true, false],
  [false, true],
])('throwAway %s: termination protection %s', (throwAway, protectedFromIt) => {
  const stack = appWith({ throwAway }).node.findChild('RivuletData') as Stack;
  expect(stack.terminationProtection).toBe(protectedFromIt);
});
