import { expect, test } from 'vitest';
import { handlerOf, type Operation, operation } from '../../http/operation.ts';

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

test('a failure after the time ran out is ignored', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const answer = handlerOf({ ...slow, run: () => promise })({ ...event, timeLeftMs: 1 });
  await expect(answer).rejects.toMatchObject({ errorCode: 'REQUEST_TIMED_OUT' });
  // An unhandled rejection would fail the test run.
  reject(new Error('much later'));
  await new Promise((resolve) => setTimeout(resolve, 5));
});
