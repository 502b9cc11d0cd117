import { beforeEach, expect, test } from 'vitest';
import { createServiceLog, type ServiceLog } from '../../cli/service-log.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';

let lines: string[];
let nowMs: number;
let log: ServiceLog;

beforeEach(() => {
  lines = [];
  nowMs = 0;
  log = createServiceLog({ monotonic: () => nowMs }, (line) => lines.push(line));
});

const full = new StorageError('denied', 'the disk is full: /data/table.sqlite cannot grow', {
  cause: Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR' }),
});
const failure = {
  requestId: 'r1',
  method: 'PUT',
  path: '/v1/topics/a',
  status: 503,
  errorCode: 'STORAGE_UNAVAILABLE',
  error: new RivuletError('STORAGE_UNAVAILABLE', full.message, { cause: full }),
};

test('a line has the request, and each cause once', () => {
  log.request(failure);
  expect(lines).toEqual([
    'rivulet: PUT /v1/topics/a answered 503 STORAGE_UNAVAILABLE, request r1: the disk is full: /data/table.sqlite cannot grow: database or disk is full',
  ]);
});

test('an unexpected error is printed with its stack', () => {
  const error = new RivuletError('UNKNOWN_SERVER_ERROR', 'The server failed.', { cause: new TypeError('x is not y') });
  log.request({ requestId: 'r1', error });
  expect(lines[0]).toMatch(
    /^rivulet: answered 500, request r1: The server failed.: x is not y\nTypeError: .*\n +at .*service-log/,
  );
});

test('the same reason within a minute is counted instead of printed, whatever the request', () => {
  for (let i = 0; i < 5; i++) log.request({ ...failure, requestId: `r${i}`, path: `/v1/topics/${i}` });
  log.background(new Error('another'));
  expect(lines).toHaveLength(2);
  nowMs = 60_000;
  log.request(failure);
  expect(lines[2]).toMatch(/disk is full \(and 4 more times since the last report\)$/);
});

test('a failure of background work is reported as one', () => {
  log.background(full);
  expect(lines[0]).toMatch(
    /^rivulet: background work failed and will be tried again within the hour: the disk is full/,
  );
});
