import { describe, expect, it } from 'vitest';
import { problemOf, problemResult, rivuletErrorOf } from '../../http/problem.ts';
import { errorTitles } from '../../lib/api/error-titles.ts';
import { catalogue, type ErrorCode, RivuletError } from '../../lib/api/errors.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';

describe('problemOf', () => {
  it.each(Object.keys(catalogue) as ErrorCode[])('takes title, status and numbers of %s from the catalogue', (code) => {
    const { kafkaErrorCode, status, retriable } = catalogue[code];
    expect(problemOf(new RivuletError(code, 'why'), 'r1')).toEqual({
      type: 'about:blank',
      title: errorTitles[code],
      status,
      detail: 'why',
      errorCode: code,
      kafkaErrorCode,
      retriable,
      requestId: 'r1',
    });
  });

  it('puts extra members beside the standard ones, and never replaces those', () => {
    const error = new RivuletError('UNEXPECTED_OFFSET', 'why', {
      outcome: 'not-written',
      extra: { nextOffset: 7, status: 200, detail: 'lies' },
    });
    expect(problemOf(error)).toMatchObject({ status: 412, detail: 'why', nextOffset: 7, outcome: 'not-written' });
  });

  it('leaves out the members that it does not know', () => {
    const { body, statusCode } = problemResult(new Error('secret /backend/me/key'), 'r1');
    expect(statusCode).toBe(500);
    expect(body).not.toMatch(/secret|\.ts|stack/);
  });

  it('names the allowed methods in the header too', () => {
    const error = new RivuletError('METHOD_NOT_ALLOWED', 'why', { extra: { allow: 'GET, PUT' } });
    expect(problemResult(error, 'r1').headers).toMatchObject({ allow: 'GET, PUT' });
  });
});

describe('an error below a write', () => {
  it.each([
    [new StorageError('no-answer', 'x'), 'REQUEST_TIMED_OUT', 'unknown'],
    [new StorageError('unavailable', 'x'), 'REQUEST_TIMED_OUT', 'unknown'],
    [new StorageError('unavailable', 'x', { mayHaveActed: false }), 'STORAGE_UNAVAILABLE', 'not-written'],
    [new StorageError('throttled', 'x'), 'THROTTLED', 'not-written'],
    [new StorageError('conflict', 'x'), 'STORAGE_UNAVAILABLE', 'not-written'],
    [new StorageError('denied', 'x'), 'STORAGE_UNAVAILABLE', 'not-written'],
    [new StorageError('corrupt', 'x'), 'CORRUPT_LOG', 'not-written'],
    [new TypeError('x'), 'REQUEST_TIMED_OUT', 'unknown'],
    [new RivuletError('INVALID_REQUEST', 'x'), 'INVALID_REQUEST', 'not-written'],
    [new RivuletError('CORRUPT_LOG', 'x'), 'CORRUPT_LOG', 'unknown'],
    [
      new RivuletError('DUPLICATE_SEQUENCE_NUMBER', 'x', { outcome: 'written' }),
      'DUPLICATE_SEQUENCE_NUMBER',
      'written',
    ],
    ['thrown text', 'REQUEST_TIMED_OUT', 'unknown'],
  ])('%s states its outcome', (error, errorCode, outcome) => {
    expect(rivuletErrorOf(error, true)).toMatchObject({ errorCode, outcome });
  });
});

describe('an error below a read', () => {
  it.each([
    [new StorageError('no-answer', 'x'), 'STORAGE_UNAVAILABLE'],
    [new StorageError('throttled', 'x'), 'THROTTLED'],
    [new TypeError('x'), 'UNKNOWN_SERVER_ERROR'],
    [new RivuletError('OFFSET_OUT_OF_RANGE', 'x'), 'OFFSET_OUT_OF_RANGE'],
  ])('%s has no outcome', (error, errorCode) => {
    expect(rivuletErrorOf(error, false)).toMatchObject({ errorCode, outcome: undefined });
  });

  it('keeps its cause for the log', () => {
    const cause = new TypeError('x');
    expect(rivuletErrorOf(cause, false).cause).toBe(cause);
  });
});
