// The restore drill of docs/RUNBOOK.md, "Backup and restore", step by step: it restores a table to an earlier moment, brings
// back the objects that were deleted since, and checks the result with an audit. The emulator can only restore a table as it
// is at the time of the request, so that time is the moment.
import {
  DynamoDBClient,
  RestoreTableToPointInTimeCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import type { MaintenanceEvent } from '../../functions/maintenance-handler.ts';
import type { AuditReport } from '../../lib/maintenance/audit.ts';
import type { SweepReport } from '../../lib/maintenance/sweep.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import { freshName } from '../conformance/target.ts';
import { type Deployment, deployOther, streamOf } from './deployment.ts';
import { onEmulator } from './resources.ts';

const topic = 'precious';
const restored = 'rivulet-restored';

await onEmulator((aws) => {
  const s3 = new S3Client({ ...clientOptions(aws.endpoint), forcePathStyle: true });
  const dynamoDb = new DynamoDBClient(clientOptions(aws.endpoint));
  const lambda = new LambdaClient(clientOptions(aws.endpoint));

  const deployDrill = (options: Record<string, string> = {}) =>
    deployOther(aws, { name: 'Drill', options: { watch: 'off', ...options } });

  const operatorOf = ({ endpoint, url }: Deployment) =>
    createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));

  /** Writes one object for each value. */
  async function write(url: string, credentials: AccessKey, values: readonly string[]): Promise<void> {
    const producer = new Rivulet({ url, credentials }).producer({ lingerMs: 0 });
    for (const value of values) await producer.send({ topic, messages: [{ value, partition: 0 }] });
    await producer.disconnect();
  }

  async function readAll(url: string, credentials: AccessKey): Promise<string[]> {
    const rivulet = new Rivulet({ url, credentials });
    const [end] = await rivulet.admin().fetchTopicOffsets(topic);
    const consumer = rivulet.consumer();
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    const values: string[] = [];
    for await (const { offset, value } of consumer) {
      expect(offset).toBe(values.length);
      if (values.push(String(value)) === end!.latest) break;
    }
    return values;
  }

  /** Maintenance, invoked by hand. */
  async function maintain<Report>({ maintenanceFunction }: Deployment, event: MaintenanceEvent): Promise<Report> {
    const Payload = JSON.stringify(event);
    const reply = await lambda.send(new InvokeCommand({ FunctionName: maintenanceFunction, Payload }));
    expect(reply.FunctionError).toBeUndefined();
    return JSON.parse(Buffer.from(reply.Payload!).toString());
  }

  const audit = (deployed: Deployment) => maintain<AuditReport>(deployed, { verify: true });

  async function ownerOf(Bucket: string): Promise<string> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'rivulet/table/' }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: Contents.at(-1)!.Key }));
    return Body!.transformToString();
  }

  async function deleteAllObjects(Bucket: string): Promise<number> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    const Objects = Contents.map(({ Key }) => ({ Key }));
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    return Objects.length;
  }

  async function bringObjectsBack(Bucket: string): Promise<number> {
    const { DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const Objects: ObjectIdentifier[] = DeleteMarkers.filter(({ IsLatest }) => IsLatest).map(({ Key, VersionId }) => ({
      Key,
      VersionId,
    }));
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    return Objects.length;
  }

  test('a table restored to a moment, with the objects deleted since, is complete again', {
    timeout: 240_000,
  }, async () => {
    const deployed = await deployDrill();
    const { bucket, table } = deployed;
    const operator = await operatorOf(deployed);
    const rivulet = new Rivulet({ url: deployed.url, credentials: operator });
    await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
    const before = Array.from({ length: 50 }, (_, i) => `before ${i}`);
    await write(deployed.url, operator, before);

    const names = { SourceTableName: table, TargetTableName: restored };
    await dynamoDb.send(new RestoreTableToPointInTimeCommand({ ...names, RestoreDateTime: new Date() }));
    const ttl = { Enabled: true, AttributeName: 'ttl' };
    await dynamoDb.send(new UpdateTimeToLiveCommand({ TableName: restored, TimeToLiveSpecification: ttl }));

    await write(deployed.url, operator, ['after 0', 'after 1']);
    expect(await audit(deployed)).toMatchObject({ objects: 52, missingObjects: 0 });
    expect(await deleteAllObjects(bucket)).toBe(52);
    expect(await audit(deployed)).toMatchObject({ objects: 0, missingObjects: 52 });

    const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } as const;
    await dynamoDb.send(new UpdateTableCommand({ TableName: restored, StreamSpecification }));

    const existingTableStream = await streamOf(aws.endpoint, restored);
    const again = await deployDrill({ existingTable: restored, existingTableStream });
    expect(await audit(again)).toMatchObject({ missingObjects: 50 });
    expect(await bringObjectsBack(bucket)).toBe(52);
    expect(await audit(again)).toMatchObject({ topics: 1, objects: 52, missingObjects: 0, foreign: 0 });
    expect(await readAll(again.url, operator)).toEqual(before);

    expect(await maintain<SweepReport>(again, { adopt: true })).not.toHaveProperty('refusal');
    expect(await ownerOf(bucket)).toMatch(/^arn:aws:dynamodb:[a-z0-9-]+:\d{12}:table\/rivulet-restored$/);

    await write(again.url, operator, ['again']);
    expect(await readAll(again.url, operator)).toEqual([...before, 'again']);
  });
});
