import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../lib/api/limits.ts';
import { answerOf } from '../../../lib/push/delivery/answer.ts';
import { offsets } from './records.ts';

const batch = offsets(40, 42, 47);
const failure = (partition: unknown, offset: unknown) => ({ itemIdentifier: { partition, offset } });
const answer = (...failures: unknown[]) => answerOf(JSON.stringify({ batchItemFailures: failures }), batch);

test.each(['', ' \n', 'null', '{}', '{"batchItemFailures":[]}', '{"batchItemFailures":null}', '{"other":1}'])(
  '%j is success',
  (body) => expect(answerOf(body, batch)).toEqual({ kind: 'success' }),
);

test('the lowest offset that failed is the next one', () => {
  expect(answer(failure('orders-0', 47), failure('orders-0', 42), failure('orders-0', 42))).toMatchObject({
    kind: 'partial',
    failedOffset: 42,
  });
});

describe('the whole batch fails', () => {
  test.each([
    ['an offset that is not in the batch', failure('orders-0', 41)],
    ['an offset below the batch', failure('orders-0', -1)],
    ['another partition', failure('orders-1', 42)],
    ['another topic', failure('order-0', 42)],
    ['an offset that is text', failure('orders-0', '42')],
    ['a fraction', failure('orders-0', 42.5)],
    ['no offset', failure('orders-0', undefined)],
    ['a partition that is a number', failure(0, 42)],
    ['an identifier that is text, as for Kinesis', { itemIdentifier: 'orders-0-42' }],
    ['an empty identifier', { itemIdentifier: '' }],
    ['a null identifier', { itemIdentifier: null }],
    ['a list as identifier', { itemIdentifier: ['orders-0', 42] }],
    ['another member', { id: { partition: 'orders-0', offset: 42 } }],
    ['a failure that is null', null],
    ['a failure that is a number', 42],
  ])('for %s', (_, wrong) => {
    expect(answer(wrong).kind).toBe('failed');
    expect(answer(failure('orders-0', 42), wrong).kind).toBe('failed');
  });

  test.each(['[]', '1', '"done"', 'true', 'done', '{', '{"batchItemFailures":{}}', '{"batchItemFailures":"none"}'])(
    'for the answer %s',
    (body) => expect(answerOf(body, batch).kind).toBe('failed'),
  );

  test('for an answer of more than 6 MB, and for one that is nested deeper than a parser should go', () => {
    const long = `{"batchItemFailures":[],"log":"${'x'.repeat(limits.pushAnswerBytes)}"}`;
    const deep = `{"batchItemFailures":[],"log":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(answerOf(long, batch).kind).toBe('failed');
    expect(answerOf(deep, batch).kind).toBe('failed');
  });
});

test('no answer makes it throw, and none names a record outside the batch', () => {
  const anything = fc.oneof(
    fc.json(),
    fc.string(),
    fc.anything().map((value) => JSON.stringify({ batchItemFailures: value }) ?? ''),
  );
  fc.assert(
    fc.property(anything, (body) => {
      const read = answerOf(body, batch);
      if (read.kind === 'partial') expect([40, 42, 47]).toContain(read.failedOffset);
    }),
  );
});
