// Removal of a throw-away deployment: the test checks what exists before and after. The bucket has objects and versions of
// deleted ones.
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, HeadBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { freshName } from '../conformance/target.ts';
import { deployOther, destroyOther } from './deployment.ts';
import { onEmulator } from './resources.ts';

await onEmulator((aws) => {
  const s3 = new S3Client({ ...clientOptions(aws.endpoint), forcePathStyle: true });
  const dynamoDb = new DynamoDBClient(clientOptions(aws.endpoint));
  const lambda = new LambdaClient(clientOptions(aws.endpoint));

  test('the removal of a throw-away deployment removes bucket, table, functions and API', {
    timeout: 180_000,
  }, async () => {
    const options = { name: 'Brief', options: { throwAway: 'true', watch: 'off' } };
    const { endpoint, url, bucket, table, maintenanceFunction } = await deployOther(aws, options);
    const credentials = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    const rivulet = new Rivulet({ url, credentials });
    await rivulet.admin().createTopics({ topics: [{ topic: 'orders', partitions: 1 }] });
    const producer = rivulet.producer({ lingerMs: 0 });
    for (const value of ['one', 'two']) await producer.send({ topic: 'orders', messages: [{ value }] });
    await producer.disconnect();
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    expect(Contents).toHaveLength(2);
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: Contents[0]!.Key }));

    const looks = [
      () => s3.send(new HeadBucketCommand({ Bucket: bucket })),
      () => dynamoDb.send(new DescribeTableCommand({ TableName: table })),
      () => lambda.send(new GetFunctionCommand({ FunctionName: maintenanceFunction })),
      () => new Rivulet({ url, credentials, retry: { retries: 0 } }).admin().listTopics(),
    ];
    const there = async () => (await Promise.allSettled(looks.map((look) => look()))).map(({ status }) => status);
    expect(await there()).toEqual(looks.map(() => 'fulfilled'));
    await destroyOther(aws, options);
    expect(await there()).toEqual(looks.map(() => 'rejected'));
  });
});
