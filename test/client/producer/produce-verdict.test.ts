import { expect, test } from 'vitest';
import { RivuletClientError } from '../../../client/client-error.ts';
import { type Tried, verdictOf } from '../../../client/producer/produce-verdict.ts';

const usual: Tried = { certain: true, oldest: true, idempotent: true, transactional: false };
const error = (code: string, retriable = false, outcome: 'not-written' | 'written' | 'unknown' = 'not-written') =>
  new RivuletClientError(code, '', { retriable, outcome });

test('a batch that was written earlier counts as written', () => {
  expect(verdictOf(error('DUPLICATE_SEQUENCE_NUMBER'), usual)).toBe('written');
  expect(verdictOf(error('REQUEST_TIMED_OUT', true, 'written'), usual)).toBe('written');
});

test('a batch with a retriable error is repeated, whether it was written or not', () => {
  expect(verdictOf(error('THROTTLED', true), usual)).toBe('again');
  expect(verdictOf(error('REQUEST_TIMED_OUT', true, 'unknown'), { ...usual, certain: false })).toBe('again');
});

test('a batch with an error that is not retriable fails', () => {
  expect(verdictOf(error('MESSAGE_TOO_LARGE'), usual)).toBe('failed');
  expect(verdictOf(error('INVALID_PRODUCER_EPOCH'), { ...usual, idempotent: false })).toBe('failed');
});

test.each(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'])(
  'the verdict on %s depends on what may still arrive',
  (code) => {
    expect(verdictOf(error(code), usual)).toBe('renew');
    expect(verdictOf(error(code), { ...usual, oldest: false })).toBe('again');
    expect(verdictOf(error(code), { ...usual, certain: false })).toBe('again');
  },
);

test('a producer that another writer locks out takes a new id, unless its records may be written', () => {
  const fenced = error('INVALID_PRODUCER_EPOCH');
  expect(verdictOf(fenced, usual)).toBe('renew');
  expect(verdictOf(fenced, { ...usual, oldest: false })).toBe('again');
  expect(verdictOf(fenced, { ...usual, certain: false })).toBe('failed');
});
