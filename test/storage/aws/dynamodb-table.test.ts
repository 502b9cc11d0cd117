// No emulator gives these answers, so this test puts them on the wire: the meaning of each error, and the requests as
// they leave. The contract test against a running DynamoDB is test/contract/aws.test.ts.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createDynamoDbTable } from '../../../lib/storage/aws/dynamodb-table.ts';
import { equals, type Table, type Write } from '../../../lib/storage/table.ts';
import { testConnection } from '../../aws/resources.ts';
import { brokenBy, dynamoDbError, playWire } from '../../aws/wire.ts';

const key = { pk: 'p', sk: 's' };
const update: Write = { kind: 'update', key, update: { add: [['n', 1]] }, if: equals('n', 1) };
const ok = { status: 200, body: '{}' };

function tableOn(...answers: Parameters<typeof playWire>) {
  const { connection, requests } = playWire(...answers);
  const sent = () => requests.map(({ body }) => JSON.parse(new TextDecoder().decode(body)));
  return { table: createDynamoDbTable({ ...connection, tableName: 'tbl' }), requests, sent };
}

describe('an error on an update', () => {
  test.each([
    ['TransactionConflictException', 400, 'conflict', false],
    ['ReplicatedWriteConflictException', 400, 'conflict', false],
    ['ProvisionedThroughputExceededException', 400, 'throttled', false],
    ['ThrottlingException', 400, 'throttled', false],
    ['RequestLimitExceeded', 400, 'throttled', false],
    ['InternalServerError', 500, 'unavailable', true],
    ['ServiceUnavailable', 503, 'unavailable', true],
    ['ResourceNotFoundException', 400, 'denied', false],
    ['AccessDeniedException', 400, 'denied', false],
    ['UnrecognizedClientException', 400, 'denied', false],
    ['ExpiredTokenException', 400, 'denied', false],
    ['InvalidSignatureException', 400, 'denied', false],
    ['ValidationException', 400, 'invalid', false],
    ['SomethingNew', 400, 'invalid', false],
  ])('%s (%i) is %s', async (name, status, reason, mayHaveActed) => {
    const { table, requests } = tableOn(dynamoDbError(name, {}, status));
    await expect(table.write(update)).rejects.toMatchObject({ name: 'StorageError', reason, mayHaveActed });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['ECONNRESET', true],
    ['EPIPE', true],
    ['ETIMEDOUT', true],
    ['ECONNREFUSED', false],
    ['ENOTFOUND', false],
  ])('%s counts as no answer, and may have acted: %s', async (code, mayHaveActed) => {
    const { table, requests } = tableOn(brokenBy(code));
    await expect(table.write(update)).rejects.toMatchObject({ reason: 'no-answer', mayHaveActed });
    expect(requests).toHaveLength(1);
  });

  test('an answer that cannot be parsed counts as no answer', async () => {
    const { table } = tableOn({ status: 200, body: '{"Attributes": {"n"' });
    await expect(table.write(update)).rejects.toMatchObject({ reason: 'no-answer', mayHaveActed: true });
  });

  test('a request without credentials is denied', async () => {
    const { connection } = playWire(ok);
    const credentials = () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' }));
    const table = createDynamoDbTable({ ...connection, credentials, tableName: 'tbl' });
    await expect(table.write(update)).rejects.toMatchObject({ reason: 'denied', mayHaveActed: false });
  });

  test('a refusal because of the clock, which the SDK then corrects, is worth another try', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const refused = dynamoDbError('InvalidSignatureException');
    const { table, requests } = tableOn({ ...refused, headers: { date } } as typeof refused, ok);
    await expect(table.write(update)).rejects.toMatchObject({ retriable: true, mayHaveActed: false });
    await table.write(update);
    const [first, second] = requests.map(({ headers }) => headers['x-amz-date']!);
    expect(first!.slice(0, 11) < second!.slice(0, 11)).toBe(true);
  });
});

describe('a transaction', () => {
  const other = { pk: 'p', sk: 'other' };
  const actions = [update, { kind: 'check', key: other, if: equals('n', 2) } as const];
  const cancelled = (...reasons: object[]) =>
    dynamoDbError('TransactionCanceledException', { CancellationReasons: reasons });
  const none = { Code: 'None' };

  test.each([
    ['TransactionConflict', 'conflict'],
    ['ThrottlingError', 'throttled'],
    ['ProvisionedThroughputExceeded', 'throttled'],
  ])('cancelled for %s did nothing: %s', async (Code, reason) => {
    const { table } = tableOn(cancelled(none, { Code, Message: 'busy' }));
    await expect(table.transact(actions, 't')).rejects.toMatchObject({ reason, mayHaveActed: false });
  });

  test('cancelled for a failed condition and a conflict reports the condition', async () => {
    const Item = { pk: { S: 'p' }, sk: { S: 'other' }, n: { N: '1' }, b: { B: 'AQI=' } };
    const failed = { Code: 'ConditionalCheckFailed', Item, Message: 'no' };
    const { table } = tableOn(cancelled({ Code: 'TransactionConflict' }, failed));
    expect(await table.transact(actions, 't')).toEqual({
      applied: false,
      failures: [{ failed: false }, { failed: true, old: { ...other, n: 1, b: Uint8Array.of(1, 2) } }],
    });
  });

  test.each([
    ['Item size to update has exceeded the maximum allowed size', 'too-large'],
    ['The document path provided in the update expression is invalid for update', 'invalid'],
    ['Something new', 'invalid'],
  ])('cancelled because "%s" is %s', async (Message, reason) => {
    const { table } = tableOn(cancelled(none, { Code: 'ValidationError', Message }));
    await expect(table.transact(actions, 't')).rejects.toMatchObject({ reason, mayHaveActed: false });
  });

  test('whose first try is still under way is a conflict', async () => {
    const { table } = tableOn(dynamoDbError('TransactionInProgressException'));
    await expect(table.transact(actions, 't')).rejects.toMatchObject({ reason: 'conflict', mayHaveActed: false });
  });

  test('is sent with its token, and every retry is equal to the byte', async () => {
    const { table, requests, sent } = tableOn(brokenBy('ECONNRESET'), ok);
    await expect(table.transact(actions, 'the token')).rejects.toMatchObject({ reason: 'no-answer' });
    await table.transact(actions, 'the token');
    expect(sent()[0]).toMatchObject({ ClientRequestToken: 'the token' });
    expect(Buffer.compare(requests[1]!.body, requests[0]!.body)).toBe(0);
  });
});

describe('a request', () => {
  test('for a write asks for the old item when the condition fails', async () => {
    const { table, sent } = tableOn(ok);
    await table.write({ kind: 'put', item: { ...key, n: 1 } });
    await table.write(update);
    await table.write({ kind: 'delete', key });
    for (const request of sent()) expect(request).toMatchObject({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
  });

  test('for a read is eventual unless the caller asks for a strong one', async () => {
    const { table, sent } = tableOn(ok);
    await table.get(key);
    await table.get(key, { strong: true });
    await table.query({ pk: 'p' });
    await table.query({ pk: 'p', strong: true });
    expect(sent().map(({ ConsistentRead }) => ConsistentRead)).toEqual([false, true, false, true]);
  });

  test('that can have no result is not sent', async () => {
    const { table, requests } = tableOn(ok);
    await table.query({ pk: 'p', from: 'b', through: 'a' });
    await table.query({ pk: 'p', through: 'a', after: 'a' });
    await table.query({ pk: 'p', from: 'a', after: 'a', reverse: true });
    expect(requests).toHaveLength(0);
  });

  test('skips types that a later version may store', async () => {
    const Item = { pk: { S: 'p' }, sk: { S: 's' }, new: { BOOL: true }, l: { L: [{ N: '1' }, { NULL: true }] } };
    const { table } = tableOn({ status: 200, body: JSON.stringify({ Item }) });
    expect(await table.get(key)).toEqual({ ...key, l: [1] });
  });
});

describe('on a real socket', () => {
  async function onServer(listener: RequestListener, use: (table: Table) => Promise<void>): Promise<void> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const connection = { ...testConnection(`http://127.0.0.1:${port}`), tryMs: 1_000 };
      await use(createDynamoDbTable({ ...connection, tableName: 'tbl' }));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const noAnswer = { reason: 'no-answer', mayHaveActed: true };

  test.concurrent('a server that hangs up counts as no answer', async () => {
    let requests = 0;
    const hangUp: RequestListener = (request) => {
      requests++;
      request.socket.destroy();
    };
    await onServer(hangUp, (table) => expect(table.write(update)).rejects.toMatchObject(noAnswer));
    expect(requests).toBe(1);
  });

  test.concurrent('a server that says nothing counts as no answer within seconds', async () => {
    await onServer(
      () => {},
      (table) => expect(table.write(update)).rejects.toMatchObject(noAnswer),
    );
  });

  test.concurrent('a server that stops in the middle counts as no answer within seconds', async () => {
    const stall: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"Attri');
    };
    await onServer(stall, (table) => expect(table.write(update)).rejects.toMatchObject(noAnswer));
  });
});
