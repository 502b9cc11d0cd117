// The Table in DynamoDB. Each call of the port is one request. This file neither retries nor decides: the rules are in
// ../table-rules.ts, and the retries in ../retry.ts.
// Invariant: a failed condition is a value with the old item, and an error says whether the request may have acted.
import {
  BatchGetItemCommand,
  type CancellationReason,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  IdempotentParameterMismatchException,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { compareUtf8 } from '../key-order.ts';
import { StorageError } from '../storage-error.ts';
import type { Check, Item, ItemPage, Key, Query, Table, TransactionResult, Write, WriteResult } from '../table.ts';
import {
  checkKey,
  checkKeys,
  checkQuery,
  checkTransaction,
  checkWrite,
  doesNotFit,
  keyOf,
  tableLimits,
  tokenReused,
  tooLarge,
} from '../table-rules.ts';
import { type AwsConnection, clientSettings } from './connection.ts';
import { compile } from './dynamodb-expressions.ts';
import { type Attributes, decodeItem, encodeItem, encodeKey } from './dynamodb-values.ts';
import { storageErrorOf } from './errors.ts';

/** The p99 of a write is 20 ms, and that of a transaction 100 ms, so a request that takes this long is lost. */
const TRY_MS = 1_500;

type DynamoDbTableOptions = AwsConnection & { readonly tableName: string };

/** The key schema must be `pk` and `sk`, strings. The time to live, if there is one, must be `ttl`, a number. */
export function createDynamoDbTable({ tableName, ...connection }: DynamoDbTableOptions): Table {
  const client = new DynamoDBClient(clientSettings(connection, TRY_MS));
  const TableName = tableName;
  return {
    async get(key, options) {
      checkKey(key);
      const request = new GetItemCommand({ TableName, Key: encodeKey(key), ConsistentRead: options?.strong ?? false });
      const reply = await asStorageError(`get ${nameOf(key)}`, () => client.send(request));
      return decoded(reply.Item);
    },
    async getMany(keys, options) {
      checkKeys(keys);
      const Keys = keys.map(encodeKey);
      const request = new BatchGetItemCommand({
        RequestItems: { [TableName]: { Keys, ConsistentRead: options?.strong ?? false } },
      });
      const reply = await asStorageError(`get ${keys.length} items`, () => client.send(request));
      const left = (reply.UnprocessedKeys?.[TableName]?.Keys ?? []).map(decodeItem);
      if (left.length === keys.length) throw new StorageError('throttled', `get ${keys.length} items: none was read`);
      return { items: (reply.Responses?.[TableName] ?? []).map(decodeItem), left };
    },
    async query(query) {
      checkQuery(query);
      if (isEmpty(query)) return { items: [], more: false };
      const request = new QueryCommand({ TableName, ...queryInput(query) });
      const reply = await asStorageError(`query ${JSON.stringify(query.pk)}`, () => client.send(request));
      return {
        items: (reply.Items ?? []).map(decodeItem),
        more: reply.LastEvaluatedKey !== undefined,
      } satisfies ItemPage;
    },
    async write(write) {
      checkWrite(write);
      return sendWrite(client, TableName, write);
    },
    async transact(actions, token) {
      checkTransaction(actions, token);
      const TransactItems = actions.map((action) => transactItem(TableName, action));
      const request = new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: token });
      try {
        await client.send(request);
        return { applied: true };
      } catch (error) {
        return transactionFailure(error, actions, token);
      }
    },
  };
}

const nameOf = (key: Key) => `${JSON.stringify(key.pk)} ${JSON.stringify(key.sk)}`;

const decoded = (attributes: Attributes | undefined) => attributes && decodeItem(attributes);

async function asStorageError<T>(doing: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw storageErrorOf(error, doing);
  }
}

// --- query

function passes(low: string | undefined, high: string | undefined, orMeets = false): boolean {
  if (low === undefined || high === undefined) return false;
  const order = compareUtf8(low, high);
  return order > 0 || (orMeets && order === 0);
}

/** True if the result is known to be empty. Such a query must not be sent: DynamoDB refuses to start at the end of a range. */
function isEmpty({ from, through, after, reverse }: Query): boolean {
  return passes(from, through) || (reverse ? passes(from, after, true) : passes(after, through, true));
}

/** True if `after` is before the range. DynamoDB refuses such a start, and the range alone says where to begin. */
function startsBefore({ from, through, after, reverse }: Query): boolean {
  return reverse ? passes(after, through) : passes(from, after);
}

function queryInput(query: Query): Omit<QueryCommandInput, 'TableName'> {
  const { pk, from, through, after, reverse, limit, strong } = query;
  return {
    KeyConditionExpression: `pk = :pk${rangeText(from, through)}`,
    ExpressionAttributeValues: {
      ':pk': { S: pk },
      ...(from !== undefined && { ':from': { S: from } }),
      ...(through !== undefined && { ':through': { S: through } }),
    },
    ...(after !== undefined && !startsBefore(query) && { ExclusiveStartKey: encodeKey({ pk, sk: after }) }),
    ScanIndexForward: !reverse,
    Limit: limit ?? tableLimits.pageItems,
    ConsistentRead: strong ?? false,
  };
}

function rangeText(from: string | undefined, through: string | undefined): string {
  if (from !== undefined && through !== undefined) return ' AND sk BETWEEN :from AND :through';
  if (from !== undefined) return ' AND sk >= :from';
  return through === undefined ? '' : ' AND sk <= :through';
}

// --- write

async function sendWrite(client: DynamoDBClient, TableName: string, write: Write): Promise<WriteResult> {
  const key = keyOf(write);
  try {
    return { applied: true, item: await applied(client, TableName, write) };
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return { applied: false, old: decoded(error.Item) };
    const { name, message } = error as Error;
    const refused = name === 'ValidationException' ? refusal(message, key, error) : undefined;
    throw refused ?? storageErrorOf(error, `${write.kind} ${nameOf(key)}`);
  }
}

/** The item after the write. */
async function applied(client: DynamoDBClient, TableName: string, write: Write): Promise<Item | undefined> {
  const shared = { TableName, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
  if (write.kind === 'put') {
    await client.send(
      new PutItemCommand({ ...shared, Item: encodeItem(write.item), ...compile({ condition: write.if }) }),
    );
    return write.item;
  }
  const Key = encodeKey(write.key);
  if (write.kind === 'delete') {
    await client.send(new DeleteItemCommand({ ...shared, Key, ...compile({ condition: write.if }) }));
    return undefined;
  }
  const expressions = compile({ update: write.update, condition: write.if });
  const reply = await client.send(new UpdateItemCommand({ ...shared, Key, ...expressions, ReturnValues: 'ALL_NEW' }));
  return decoded(reply.Attributes);
}

/** The refusals of a well-formed update that only DynamoDB can find. It reports them only in the words of its message. */
function refusal(message: string, key: Key, cause: unknown): StorageError | undefined {
  const known = /item size/i.test(message)
    ? tooLarge(key)
    : /document path|incorrect data type/i.test(message)
      ? doesNotFit(key)
      : undefined;
  return known && new StorageError(known.reason, known.message, { cause });
}

// --- transact

function transactItem(TableName: string, action: Write | Check): TransactWriteItem {
  const shared = { TableName, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
  const condition = compile({ condition: action.if });
  if (action.kind === 'put') return { Put: { ...shared, Item: encodeItem(action.item), ...condition } };
  const Key = encodeKey(action.key);
  if (action.kind === 'delete') return { Delete: { ...shared, Key, ...condition } };
  if (action.kind === 'check')
    return { ConditionCheck: { ...shared, Key, ...condition, ConditionExpression: condition.ConditionExpression! } };
  const { UpdateExpression, ...rest } = compile({ update: action.update, condition: action.if });
  return { Update: { ...shared, Key, UpdateExpression: UpdateExpression!, ...rest } };
}

/** A failed condition is a result, even beside other reasons: nothing was applied, and it tells the caller the most. */
function transactionFailure(error: unknown, actions: readonly (Write | Check)[], token: string): TransactionResult {
  if (error instanceof IdempotentParameterMismatchException) throw tokenReused(token);
  if (!(error instanceof TransactionCanceledException)) throw storageErrorOf(error, 'transaction');
  const reasons = error.CancellationReasons ?? [];
  if (reasons.some((reason) => reason.Code === 'ConditionalCheckFailed'))
    return { applied: false, failures: reasons.map(failure) };
  throw cancellation(error, reasons, actions);
}

function failure({ Code, Item }: CancellationReason): { failed: boolean; old?: Item } {
  const failed = Code === 'ConditionalCheckFailed';
  return failed && Item ? { failed, old: decodeItem(Item) } : { failed };
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactionCanceledException.html */
function cancellation(
  error: TransactionCanceledException,
  reasons: CancellationReason[],
  actions: readonly (Write | Check)[],
) {
  const wrong = reasons.findIndex(({ Code }) => Code === 'ValidationError');
  if (wrong >= 0) {
    const message = reasons[wrong]?.Message ?? '';
    return (
      refusal(message, keyOf(actions[wrong]!), error) ??
      new StorageError('invalid', `transaction: ${message}`, { cause: error })
    );
  }
  const slow = reasons.some(({ Code }) => Code === 'ThrottlingError' || Code === 'ProvisionedThroughputExceeded');
  return new StorageError(slow ? 'throttled' : 'conflict', `transaction: ${error.message}`, { cause: error });
}
