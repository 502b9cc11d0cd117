// The storage in a bundle reads every kind of answer as the storage with the whole SDK does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from '../../cdk/bundle-functions.ts';
import { withSchemasBehindCalls } from '../../cdk/slim-bundle.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { openAwsStorage } from '../../lib/storage/aws/ports.ts';
import { newCounters } from '../../lib/storage/count.ts';
import { absent, exists } from '../../lib/storage/table.ts';
import { dynamoDbError, playWire, s3Error } from '../aws/wire.ts';

type Storage = ReturnType<typeof openAwsStorage>;
type Case = readonly [
  name: string,
  answer: Parameters<typeof playWire>[0],
  work: (storage: Storage) => Promise<unknown>,
];

const outDir = mkdtempSync(path.join(tmpdir(), 'rivulet-slim-'));
let bundled: { openAwsStorage: typeof openAwsStorage };
beforeAll(async () => {
  const file = path.join(outDir, 'ports.mjs');
  await bundle('lib/storage/aws/ports.ts', file);
  bundled = await import(/* @vite-ignore */ pathToFileURL(file).href);
});
afterAll(() => rmSync(outDir, { recursive: true }));

const key = { pk: 'p', sk: 's' };
const attributes = { pk: { S: 'p' }, sk: { S: 's' }, n: { N: '7' }, b: { B: 'AQI=' } };
const json = (body: object) => ({ status: 200, body: JSON.stringify(body) });
const put = ({ table }: Storage) => table.write({ kind: 'put', item: key, if: absent('n') });
const putPlain = ({ table }: Storage) => table.write({ kind: 'put', item: key });
const update = ({ table }: Storage) =>
  table.write({ kind: 'update', key, update: { set: [['n', 1]] }, if: exists('n') });
const remove = ({ table }: Storage) => table.write({ kind: 'delete', key });
const transact = ({ table }: Storage) =>
  table.transact(
    [
      { kind: 'put', item: key },
      { kind: 'delete', key: { ...key, sk: 't' } },
    ],
    'token',
  );
const putObject = ({ objects }: Storage) => objects.putOnce('k', [Buffer.from('abc')]);
const getObject = ({ objects }: Storage) => objects.get('k', { from: 0, to: 3 });
const listObjects = ({ objects }: Storage) => objects.list({ prefix: 'a' });
const deleteObjects = ({ objects }: Storage) => objects.delete(['a', 'b']);
const reasons = [{ Code: 'ConditionalCheckFailed', Message: 'no', Item: attributes }, { Code: 'None' }];

const cases: readonly Case[] = [
  ['an item', json({ Item: attributes }), ({ table }) => table.get(key)],
  ['no item', json({}), ({ table }) => table.get(key)],
  [
    'many items, some left',
    json({
      Responses: { tbl: [attributes] },
      UnprocessedKeys: { tbl: { Keys: [{ pk: { S: 'p' }, sk: { S: 't' } }] } },
    }),
    ({ table }) => table.getMany([key, { ...key, sk: 't' }]),
  ],
  [
    'a page',
    json({ Items: [attributes], LastEvaluatedKey: { pk: { S: 'p' }, sk: { S: 's' } } }),
    ({ table }) => table.query({ pk: 'p' }),
  ],
  ['a put', json({}), putPlain],
  ['an update', json({ Attributes: attributes }), update],
  ['a delete', json({}), remove],
  [
    'a condition that failed, with the item',
    dynamoDbError('ConditionalCheckFailedException', { Item: attributes }),
    put,
  ],
  ['a condition of an update that failed', dynamoDbError('ConditionalCheckFailedException'), update],
  ['a transaction', json({}), transact],
  [
    'a cancelled transaction, with the item',
    dynamoDbError('TransactionCanceledException', { CancellationReasons: reasons }),
    transact,
  ],
  [
    'a conflict in a transaction',
    dynamoDbError('TransactionCanceledException', {
      CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
    }),
    transact,
  ],
  ['a token with other parameters', dynamoDbError('IdempotentParameterMismatchException'), transact],
  ['a throttled write', dynamoDbError('ProvisionedThroughputExceededException'), putPlain],
  ['too many requests', dynamoDbError('ThrottlingException'), putPlain],
  ['a missing table', dynamoDbError('ResourceNotFoundException'), putPlain],
  ['a request that is not valid', dynamoDbError('ValidationException'), putPlain],
  ['denied access', dynamoDbError('AccessDeniedException'), putPlain],
  ['an error of the table', dynamoDbError('InternalServerError', {}, 500), putPlain],
  [
    'an object',
    { status: 206, body: 'abc', headers: { 'content-length': '3', 'content-range': 'bytes 0-2/3' } },
    getObject,
  ],
  ['no object', s3Error(404, 'NoSuchKey'), getObject],
  ['no bucket', s3Error(404, 'NoSuchBucket'), getObject],
  ['a range behind the end', s3Error(416, 'InvalidRange'), getObject],
  ['an object that was put', { status: 200, headers: { etag: '"e"' } }, putObject],
  ['a name that is taken', s3Error(412, 'PreconditionFailed'), putObject],
  ['a put beside another', s3Error(409, 'ConditionalRequestConflict'), putObject],
  ['a store that is busy', s3Error(503, 'SlowDown'), putObject],
  ['a token that expired', s3Error(400, 'ExpiredToken'), putObject],
  ['denied access to an object', s3Error(403, 'AccessDenied'), getObject],
  [
    'a listing',
    {
      status: 200,
      body: '<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a&amp;1</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>7</Size></Contents></ListBucketResult>',
    },
    listObjects,
  ],
  ['objects that were deleted', { status: 200, body: '<?xml version="1.0"?><DeleteResult/>' }, deleteObjects],
  [
    'an object that was not deleted',
    {
      status: 200,
      body: '<?xml version="1.0"?><DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>',
    },
    deleteObjects,
  ],
];

/** Returns what the storage makes of the answer, and what it sends. Time does not pass: retries end by their number. */
async function outcome(open: typeof openAwsStorage, answer: Case[1], work: Case[2]) {
  const { connection, requests } = playWire(answer);
  const clock = { ...systemClock, random: () => 0, sleep: async () => {} };
  const storage = open({ ...connection, bucket: 'bkt', tableName: 'tbl', hedged: false, clock, totals: newCounters() });
  const result = await work(storage).then(
    (value) => ({ value }),
    ({ name, message, reason, mayHaveActed }) => ({ name, message, reason, mayHaveActed }),
  );
  const sent = requests.map(({ method, path, query, headers, body }) => ({
    ...{ method, path, query, body: body && Buffer.from(body).toString(), target: headers['x-amz-target'] },
    condition: headers['if-none-match'],
  }));
  return { result, sent };
}

it.each(cases)('%s', async (_name, answer, work) => {
  const whole = await outcome(openAwsStorage, answer, work);
  expect(whole.sent.length).toBeGreaterThan(0);
  expect(await outcome(bundled.openAwsStorage, answer, work)).toEqual(whole);
});

it('a version of the SDK whose schemas have another form fails the build', () => {
  expect(withSchemasBehindCalls('export var A = [3, n0,\n _X];\nexport var B = 7;')).toBe(
    'export var A = /* @__PURE__ */ (() => ([3, n0,\n _X]))();\nexport var B = 7;',
  );
  expect(() => withSchemasBehindCalls('export const A = [3];')).toThrow('no schema of the SDK has the form');
});
