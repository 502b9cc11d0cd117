// The rights of each function on the data. A role holds these and nothing else of S3 and DynamoDB: the produce function
// cannot delete, the fetch function cannot write, and only maintenance can list the bucket and delete objects.
import type { FunctionName } from '../functions/routes.ts';

export type Rights = {
  /** On the objects of the bucket. */
  readonly objects: readonly string[];
  /** On the bucket itself. */
  readonly bucket: readonly string[];
  readonly table: readonly string[];
};

const read = ['dynamodb:GetItem', 'dynamodb:Query'] as const;
/** Where a function reads batches, it also reads small appends, which are items of the table. */
const readBatches = 'dynamodb:BatchGetItem';
const write = ['dynamodb:PutItem', 'dynamodb:UpdateItem'] as const;
const change = [...read, ...write, 'dynamodb:DeleteItem'] as const;

export const rights: Readonly<Record<FunctionName, Rights>> = {
  produce: { objects: ['s3:PutObject'], bucket: [], table: [...read, ...write] },
  fetch: { objects: ['s3:GetObject'], bucket: [], table: [...read, readBatches] },
  /**
   * A search by time reads the batches. Deleting a topic deletes items, but no objects. Creating a topic checks that no
   * tombstone has its id.
   */
  topics: { objects: ['s3:GetObject'], bucket: [], table: [...change, readBatches, 'dynamodb:ConditionCheckItem'] },
  /** A reset of offsets to a time reads the batches. Creating an item of offsets checks that its group exists. */
  groups: { objects: ['s3:GetObject'], bucket: [], table: [...change, readBatches, 'dynamodb:ConditionCheckItem'] },
  /** A commit lists many batches of a partition in an object of its own. It makes conditions on heads and on offsets. */
  transactions: {
    objects: ['s3:PutObject'],
    bucket: [],
    table: [...change, 'dynamodb:ConditionCheckItem'],
  },
  /** A start at a time reads the batches. The deliveries of `retry` and `test-invoke` are the dispatcher's. */
  subscriptions: {
    objects: ['s3:GetObject'],
    bucket: [],
    table: [...change, readBatches, 'dynamodb:ConditionCheckItem'],
  },
  meta: { objects: [], bucket: [], table: [] },
  /** The removal of a listing of a transactional id checks that it has no item. */
  lag: { objects: [], bucket: [], table: [...change, 'dynamodb:ConditionCheckItem'] },
  /**
   * The objects that a merge has replaced stay: the sweep of the maintenance function deletes them. A rewrite checks the fence
   * in its transaction.
   */
  tend: {
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: [],
    table: [...change, readBatches, 'dynamodb:ConditionCheckItem'],
  },
  /** The bucket holds one object that names its table. */
  maintenance: {
    objects: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    bucket: ['s3:ListBucket'],
    table: [...change, readBatches],
  },
  router: { objects: [], bucket: [], table: read },
  /** It appends dead letters to their topic. */
  dispatcher: {
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: [],
    table: [...read, ...write, readBatches, 'dynamodb:ConditionCheckItem'],
  },
};

type Invokes = {
  readonly from: FunctionName;
  readonly to: FunctionName;
  /** The environment variable of `from` that has the name of `to`. */
  readonly variable?: string;
  /** Only where maintenance runs by itself. */
  readonly isAutomatic?: true;
};

/** The functions that invoke others. Tend and dispatcher know their own names, and tend gets that of its sweeper with the event. */
export const invokes: readonly Invokes[] = [
  { from: 'produce', to: 'tend', variable: 'TEND_FUNCTION', isAutomatic: true },
  { from: 'lag', to: 'tend', variable: 'TEND_FUNCTION', isAutomatic: true },
  { from: 'maintenance', to: 'tend', variable: 'TEND_FUNCTION', isAutomatic: true },
  { from: 'topics', to: 'tend', variable: 'TEND_FUNCTION' },
  { from: 'tend', to: 'tend' },
  { from: 'router', to: 'dispatcher', variable: 'DISPATCHER_FUNCTION' },
  { from: 'subscriptions', to: 'dispatcher', variable: 'DISPATCHER_FUNCTION' },
  { from: 'lag', to: 'dispatcher', variable: 'DISPATCHER_FUNCTION' },
  { from: 'dispatcher', to: 'dispatcher' },
  { from: 'tend', to: 'maintenance' },
];
