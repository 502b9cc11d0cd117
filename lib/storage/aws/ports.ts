// Opens the storage in AWS for the composition roots: the adapters, wrapped so that each copy of a try is counted, slow copies
// are hedged, and failed tries are sent again.
import type { Clock } from '../../runtime/clock.ts';
import { type Counters, countHedge, countingObjectStore, countingTable, countRetry } from '../count.ts';
import { hedgingObjectStore } from '../hedge.ts';
import type { ObjectStore } from '../object-store.ts';
import { retryingObjectStore, retryingTable } from '../retry.ts';
import type { Table } from '../table.ts';
import type { AwsConnection } from './connection.ts';
import { createDynamoDbTable } from './dynamodb-table.ts';
import { createS3ObjectStore } from './s3-object-store.ts';

export type AwsStorageOptions = AwsConnection & {
  readonly bucket: string;
  readonly tableName: string;
  /** DynamoDB takes these settings instead, for example the address of its own VPC endpoint. */
  readonly dynamoDb?: AwsConnection;
  /** Puts the bucket in the path instead of the host name, for emulators. Default false. */
  readonly forcePathStyle?: boolean;
  /** Sends slow requests to S3 a second time. It is wasted on emulators, whose slowness is that of the machine. Default true. */
  readonly hedged?: boolean;
  readonly clock: Clock;
  /** These counters grow with every request, for as long as the process lives. */
  readonly totals: Counters;
};

export function openAwsStorage(options: AwsStorageOptions): { objects: ObjectStore; table: Table } {
  const { bucket, tableName, dynamoDb, forcePathStyle = false, hedged = true, clock, totals, ...connection } = options;
  const objects = createS3ObjectStore({ ...connection, bucket, forcePathStyle });
  const table = createDynamoDbTable({ ...connection, ...dynamoDb, tableName });
  const counted = countingObjectStore(objects, totals);
  const onHedge = () => countHedge(totals);
  const onRetry = () => countRetry(totals);
  return {
    objects: retryingObjectStore(hedged ? hedgingObjectStore(counted, clock, { onHedge }) : counted, clock, {
      onRetry,
    }),
    table: retryingTable(countingTable(table, totals), clock, { onRetry }),
  };
}
