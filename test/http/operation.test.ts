import { expect, test } from 'vitest';
import { handlerOf, type Operation, operation } from '../../http/operation.ts';
import { topicPath } from '../../http/schemas/schemas.ts';

const slow: Operation = operation({
  id: 'x',
  summary: 'x',
  status: 200,
  errors: [],
  method: 'GET',
  path: '/x',
  run: () => new Promise((resolve) => setTimeout(resolve, 60_000, { statusCode: 200, headers: {} }).unref()),
});
const requestContext = { requestId: 'r', http: { method: 'GET', path: '/x' } };
const event = {
  version: '2.0' as const,
  rawPath: '/x',
  rawQueryString: '',
  headers: {},
  requestContext,
  isBase64Encoded: false,
};

test('a write that runs out of time has an unknown outcome', async () => {
  const answer = handlerOf({ ...slow, writes: true })({ ...event, timeLeftMs: 10 });
  await expect(answer).rejects.toMatchObject({ errorCode: 'REQUEST_TIMED_OUT', outcome: 'unknown' });
});

test('a read that runs out of time has no outcome', async () => {
  const answer = handlerOf(slow)({ ...event, timeLeftMs: 10 });
  await expect(answer).rejects.toMatchObject({ errorCode: 'REQUEST_TIMED_OUT', outcome: undefined });
});

test.each([
  ['bad%20name!', 'bad name!'],
  ['a%2Fb', 'a/b'],
  ['%E2%82%ac', '€'],
  // These decode to a good name or to no text: what is wrong is how they are written.
  ['%6frders', '%6frders'],
  ['%2e%2e', '%2e%2e'],
  ['100%', '100%'],
  ['%ff', '%ff'],
])('the error about the name %s in a path shows %s', async (sent, shown) => {
  const named = { ...slow, pathSchema: topicPath };
  await expect(handlerOf(named)({ ...event, pathParameters: { topic: sent } })).rejects.toMatchObject({
    errorCode: 'INVALID_TOPIC_EXCEPTION',
    message: expect.stringMatching(new RegExp(`^path\\.topic: expected .*, got "${shown}"$`)),
  });
});

test('a failure after the time ran out is ignored', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const answer = handlerOf({ ...slow, run: () => promise })({ ...event, timeLeftMs: 1 });
  await expect(answer).rejects.toMatchObject({ errorCode: 'REQUEST_TIMED_OUT' });
  // An unhandled rejection would fail the test run.
  reject(new Error('much later'));
  await new Promise((resolve) => setTimeout(resolve, 5));
});
