// The contracts on the most faithful endpoints that run without an account. Neither endpoint shows conflicts with
// transactions, throttling, S3's 409 on a race of conditional puts, lost replies or bad credentials. The unit tests of the
// adapters put those on the wire. No test shows a stale eventual read.
import type { AwsConnection } from '../../lib/storage/aws/connection.ts';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import { createS3ObjectStore } from '../../lib/storage/aws/s3-object-store.ts';
import { createTestBucket, createTestTable, onEndpoint } from '../aws/resources.ts';
import { everyCallHedged } from './every-call-hedged.ts';
import { objectStoreContract } from './object-store.contract.ts';
import { tableContract } from './table.contract.ts';

const makeTable = async (connection: AwsConnection) =>
  createDynamoDbTable({ ...connection, tableName: await createTestTable(connection) });

const makeObjectStore = async (connection: AwsConnection) =>
  createS3ObjectStore({ ...connection, bucket: await createTestBucket(connection), forcePathStyle: true });

await Promise.all([
  onEndpoint('dynamodb-local', (connection) => tableContract('DynamoDB Local', () => makeTable(connection))),
  onEndpoint('localstack', (connection) => {
    objectStoreContract('S3 (LocalStack)', () => makeObjectStore(connection));
    objectStoreContract('S3 (LocalStack), every call hedged', async () =>
      everyCallHedged(await makeObjectStore(connection)),
    );
  }),
]);
