// The numbers that clients decide by: whether to send a batch again, and whether it may be in the log already.
import { expect, test } from 'vitest';
import { changeCode, readCode, writeCode } from '../../kafka/errors.ts';
import { type ErrorCode, type Outcome, RivuletError } from '../../lib/api/errors.ts';

const failure = (errorCode: ErrorCode, outcome?: Outcome) =>
  new RivuletError(errorCode, 'a reason', outcome && { outcome });

test.each([
  [7, failure('REQUEST_TIMED_OUT', 'unknown')],
  [7, failure('STORAGE_UNAVAILABLE', 'unknown')],
  [7, failure('UNKNOWN_SERVER_ERROR', 'not-written')],
  [7, new TypeError('a fault of ours')],
  [19, failure('STORAGE_UNAVAILABLE', 'not-written')],
  [19, failure('THROTTLED', 'not-written')],
  [45, failure('OUT_OF_ORDER_SEQUENCE_NUMBER', 'not-written')],
  [46, failure('DUPLICATE_SEQUENCE_NUMBER', 'written')],
  [47, failure('INVALID_PRODUCER_EPOCH', 'not-written')],
  [10, failure('MESSAGE_TOO_LARGE', 'not-written')],
  [3, failure('UNKNOWN_TOPIC_OR_PARTITION', 'not-written')],
])('a write: %i', (code, error) => {
  expect(writeCode(error)).toBe(code);
});

test.each([
  [56, failure('STORAGE_UNAVAILABLE')],
  [56, failure('THROTTLED')],
  [56, failure('CORRUPT_LOG')],
  [1, failure('OFFSET_OUT_OF_RANGE')],
  [-1, new TypeError('a fault of ours')],
])('a read: %i', (code, error) => {
  expect(readCode(error)).toBe(code);
});

test.each([
  [7, failure('STORAGE_UNAVAILABLE', 'unknown')],
  [36, failure('TOPIC_ALREADY_EXISTS', 'not-written')],
  [-1, new TypeError('a fault of ours')],
])('a change: %i', (code, error) => {
  expect(changeCode(error)).toBe(code);
});
