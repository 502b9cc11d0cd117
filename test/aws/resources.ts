// The resources of a test file on an AWS endpoint: the endpoint itself, and a table or bucket of its own.
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject, test } from 'vitest';
import type { AwsConnection } from '../../lib/storage/aws/connection.ts';
import { trust } from '../../tools/emulator/endpoint.ts';
import type { Deployment, EmulatedAws } from './deployment.ts';
import type { Answer, OfferName, Offers } from './setup.ts';

/** Declares the suite on a running endpoint. If the machine has none, it declares one skipped test that says why. */
export function onEndpoint(
  name: 'dynamodb-local' | 'localstack',
  suite: (connection: AwsConnection) => void,
): Promise<void> {
  return onOffer(name, ({ url }) => suite(testConnection(url)));
}

/** A connection to S3, in which `dynamoDb` says where DynamoDB is. */
export type StorageConnection = AwsConnection & { readonly dynamoDb?: AwsConnection };

/** Declares the suite on S3 (of LocalStack) and DynamoDB (DynamoDB Local). */
export function onStorage(suite: (connection: StorageConnection) => void): Promise<void> {
  return onOffer('storage', ({ s3Url, dynamoDbUrl }) => suite(storageConnection(s3Url, dynamoDbUrl)));
}

export const storageConnection = (s3Url: string, dynamoDbUrl: string): StorageConnection => ({
  ...testConnection(s3Url),
  dynamoDb: { endpoint: dynamoDbUrl },
});

/** Declares the suite on an emulator that takes deployments. */
export function onEmulator(suite: (aws: EmulatedAws) => void): Promise<void> {
  return onOffer('emulator', (aws) => {
    trust(aws.certificate);
    suite(aws);
  });
}

/** Declares the suite on the deployed stacks, which the other files of this run use too. */
export function onDeployment(suite: (deployment: Deployment) => void): Promise<void> {
  return onOffer('deployment', (deployment) => {
    trust(deployment.certificate);
    suite(deployment);
  });
}

async function onOffer<Name extends OfferName>(name: Name, suite: (offer: Offers[Name]) => void): Promise<void> {
  const answer = await ask(name);
  if (!('missing' in answer)) suite(answer);
  else if (answer.fails) throw new Error(answer.missing);
  else test.skip(answer.missing);
}

export function testConnection(endpoint: string): AwsConnection {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    tryMs: 20_000,
  };
}

/** This does not use fetch, which gives up after five minutes. A first installation may take longer. */
async function ask<Name extends OfferName>(name: Name): Promise<Answer<Name>> {
  const body = await new Promise<string>((resolve, reject) => {
    get(`${inject('awsEndpoints')}/${name}`, (response) => resolve(text(response))).on('error', reject);
  });
  return JSON.parse(body) as Answer<Name>;
}

/** Makes a table with the key schema of Rivulet and returns its name. */
export async function createTestTable({ dynamoDb, ...connection }: StorageConnection): Promise<string> {
  const TableName = `rivulet-${randomUUID()}`;
  const client = new DynamoDBClient({ ...connection, ...dynamoDb });
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
    }),
  );
  client.destroy();
  return TableName;
}

/** Makes a bucket and returns its name. */
export async function createTestBucket(connection: AwsConnection): Promise<string> {
  const Bucket = `rivulet-${randomUUID()}`;
  const client = new S3Client({ ...connection, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket }));
  client.destroy();
  return Bucket;
}
