// A table of its own at a DynamoDB that runs already, DynamoDB Local for example.
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import type { Table } from '../../lib/storage/table.ts';

export async function openDynamoDb(endpoint: string): Promise<Table> {
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const connection = { endpoint, region: 'us-east-1', credentials, tryMs: 20_000 };
  const tableName = `rivulet-bench-${process.pid}`;
  const client = new DynamoDBClient(connection);
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    }),
  );
  client.destroy();
  return createDynamoDbTable({ ...connection, tableName });
}
