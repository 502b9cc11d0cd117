// The rights of each function on the data. A role holds these and nothing else of S3 and DynamoDB: the produce function
// cannot delete, the fetch function cannot write, and only maintenance can list the bucket.
import type { FunctionName } from '../functions/routes.ts';

export type Rights = {
  /** On the objects of the bucket. */
  readonly objects: readonly string[];
  /** On the bucket itself. */
  readonly bucket: readonly string[];
  readonly table: readonly string[];
};

const read = ['dynamodb:GetItem', 'dynamodb:Query'] as const;
const write = ['dynamodb:PutItem', 'dynamodb:UpdateItem'] as const;
const change = [...read, ...write, 'dynamodb:DeleteItem'] as const;

export const rights: Readonly<Record<FunctionName, Rights>> = {
  produce: { objects: ['s3:PutObject'], bucket: [], table: [...read, ...write] },
  fetch: { objects: ['s3:GetObject'], bucket: [], table: read },
  /**
   * A search by time reads the batches. Deleting a topic deletes items, but no objects. Creating a topic checks that no
   * tombstone has its id.
   */
  topics: { objects: ['s3:GetObject'], bucket: [], table: [...change, 'dynamodb:ConditionCheckItem'] },
  /** A reset of offsets to a time reads the batches. Creating an item of offsets checks that its group exists. */
  groups: { objects: ['s3:GetObject'], bucket: [], table: [...change, 'dynamodb:ConditionCheckItem'] },
  /** A commit lists many batches of a partition in an object of its own. It makes conditions on heads and on offsets. */
  transactions: {
    objects: ['s3:PutObject'],
    bucket: [],
    table: [...change, 'dynamodb:ConditionCheckItem'],
  },
  meta: { objects: [], bucket: [], table: [] },
  lag: { objects: [], bucket: [], table: change },
  maintenance: { objects: [], bucket: ['s3:ListBucket'], table: read },
};
