import { expect, test } from 'vitest';
import { allDone, topicResults } from '../../../client/transport/topic-results.ts';

const answerOf = (status: number, body: unknown) => ({
  status,
  headers: {},
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const problem = { status: 409, detail: 'not yours', errorCode: 'STALE_MEMBER_EPOCH', retriable: false };
const mixed = {
  topics: [
    {
      topic: 'a',
      topicId: 'i',
      partitions: [
        { partition: 0, offset: 5 },
        { partition: 2, error: problem },
      ],
    },
  ],
};

test('each partition has its result or its error, whatever the status', () => {
  for (const status of [200, 409])
    expect(topicResults(answerOf(status, mixed), true)).toMatchObject([
      { topic: 'a', topicId: 'i', partition: 0, result: { offset: 5 } },
      { partition: 2, result: { errorCode: 'STALE_MEMBER_EPOCH', topic: 'a', partition: 2, outcome: 'not-written' } },
    ]);
});

test('the first error is thrown where every partition must be done', () => {
  expect(() => allDone(topicResults(answerOf(200, mixed), false))).toThrow('STALE_MEMBER_EPOCH: not yours');
});

test('that error has the results of all, and does not claim that a write done in part did nothing', () => {
  expect(() => allDone(topicResults(answerOf(200, mixed), true))).toThrow(
    expect.objectContaining({
      outcome: 'unknown',
      results: [
        { topic: 'a', partition: 0, offset: 5 },
        expect.objectContaining({ topic: 'a', partition: 2, outcome: 'not-written' }),
      ],
    }),
  );
  expect(() => allDone(topicResults(answerOf(200, mixed), false))).toThrow(
    expect.objectContaining({ outcome: undefined }),
  );
});

test('a request that failed as a whole throws its error', () => {
  expect(() => topicResults(answerOf(409, problem), true)).toThrow('STALE_MEMBER_EPOCH');
  expect(() => topicResults(answerOf(503, 'Service Unavailable'), true)).toThrow('GATEWAY_ERROR');
});

test.each(['', '{}', '[]', '{"topics": 3}'])('an answer of %j is unclear: a write has an unknown outcome', (body) => {
  expect(() => topicResults(answerOf(200, body), true)).toThrow(
    expect.objectContaining({ errorCode: 'GATEWAY_ERROR', outcome: 'unknown', retriable: true }),
  );
});
