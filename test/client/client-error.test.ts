import { expect, test } from 'vitest';
import { errorOfGateway, errorOfKafkaCode, errorOfProblem, RivuletClientError } from '../../client/client-error.ts';

test.each([
  [403, 'not-written', false],
  [404, 'not-written', false],
  [413, 'not-written', false],
  [429, 'not-written', true],
  [500, 'unknown', true],
  [502, 'unknown', true],
  [503, 'unknown', true],
  [504, 'unknown', true],
] as const)('a gateway answer of %i to a write is %s', (status, outcome, retriable) => {
  expect(errorOfGateway(status, '{"message":"x"}', true)).toMatchObject({ status, outcome, retriable });
});

test.each([
  [429, false, 'THROTTLED'],
  [429, true, 'THROTTLED'],
  // The function has no concurrency left. A write may get the same answer after the function ran.
  [503, false, 'THROTTLED'],
  [503, true, 'GATEWAY_ERROR'],
  [502, false, 'GATEWAY_ERROR'],
  [403, false, 'FORBIDDEN'],
] as const)('a gateway answer of %i (to a write: %s) is %s', (status, writes, errorCode) => {
  expect(errorOfGateway(status, '', writes)).toMatchObject({ errorCode });
});

test('a gateway answer to a read has no outcome', () => {
  expect(errorOfGateway(503, '', false).outcome).toBeUndefined();
});

test('a problem document keeps its code, outcome, detail and further members', () => {
  const problem = {
    status: 412,
    detail: 'next is 7',
    errorCode: 'UNEXPECTED_OFFSET',
    outcome: 'not-written',
    nextOffset: 7,
  };
  const error = errorOfProblem({ ...problem, retriable: false, requestId: 'r1' });
  expect(error).toMatchObject({ errorCode: 'UNEXPECTED_OFFSET', outcome: 'not-written', status: 412, requestId: 'r1' });
  expect(error?.extra).toEqual({ nextOffset: 7 });
  expect(error?.message).toBe('UNEXPECTED_OFFSET: next is 7');
});

test('a document without an errorCode is not one of our problem documents', () => {
  expect(errorOfProblem({ message: 'Forbidden' })).toBeUndefined();
  expect(errorOfProblem('Forbidden')).toBeUndefined();
  expect(errorOfProblem(null)).toBeUndefined();
});

test.each([
  [1, 'OFFSET_OUT_OF_RANGE', false],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', false],
  [56, 'STORAGE_UNAVAILABLE', true],
  [103, 'INCONSISTENT_TOPIC_ID', false],
  [-1, 'UNKNOWN_SERVER_ERROR', false],
  [9999, 'UNKNOWN_SERVER_ERROR', false],
])("Kafka's error %i is %s", (code, errorCode, retriable) => {
  expect(errorOfKafkaCode(code, { topic: 't', partition: 1 })).toMatchObject({ errorCode, retriable, partition: 1 });
});

test('with() adds details and loses none', () => {
  const error = new RivuletClientError('THROTTLED', 'slow down', { retriable: true, status: 429, cause: 'c' });
  const named = error.with({ topic: 't', outcome: 'unknown' });
  expect(named).toMatchObject({ errorCode: 'THROTTLED', retriable: true, status: 429, topic: 't', outcome: 'unknown' });
  expect(named.cause).toBe('c');
});
