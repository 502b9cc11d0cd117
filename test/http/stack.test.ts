import { expect, it } from 'vitest';
import { createApi } from '../../http/api.ts';
import { json, operation } from '../../http/operation.ts';
import { createStack } from '../../http/stack.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { createWorld } from '../log/world.ts';

function event(method: string, rawPath: string, body?: object) {
  const requestContext = { requestId: 'r1', http: { method, path: rawPath } };
  const headers = { 'content-type': 'application/json' };
  const base = { version: '2.0' as const, rawPath, rawQueryString: '', headers, requestContext };
  return { ...base, isBase64Encoded: false, ...(body && { body: JSON.stringify(body) }) };
}

const spec = { id: 'x', summary: 'x', method: 'GET', path: '/x', status: 200, errors: [] } as const;
const answering = (run: () => Promise<ReturnType<typeof json>>) =>
  createStack({ operations: [operation({ ...spec, run })] })(event('GET', '/x'));

it('a request that the storage throttles is answered with a time to come back', async () => {
  const { statusCode, headers } = await answering(() => Promise.reject(new StorageError('throttled', 'x')));
  expect([statusCode, headers['retry-after'], headers['rivulet-request-id']]).toEqual([429, '1', 'r1']);
});

it('a request whose every partition was throttled is answered in the same way', async () => {
  const { engine } = createWorld();
  const error = new RivuletError('THROTTLED', 'x', { outcome: 'not-written' });
  const appendRecords = async () => ({ topicId: 'id', records: [{ partition: 0, error }] });
  const api = createApi({ engine: { ...engine, appendRecords }, version: 'test' });
  const { statusCode, headers } = await api(event('POST', '/v1/topics/t/records', { records: [{ value: 'v' }] }));
  expect([statusCode, headers['retry-after']]).toEqual([429, '1']);
});

it('a failed part of a request is in the log, once for each internal failure', async () => {
  const { engine } = createWorld();
  const error = new RivuletError('STORAGE_UNAVAILABLE', 'the disk is full', { outcome: 'not-written' });
  const refused = new RivuletError('INVALID_RECORD', 'x', { outcome: 'not-written' });
  const written = { partition: 1, offset: 0, timestampMs: 0, duplicate: false };
  const records = [{ partition: 0, error }, { partition: 0, error }, written, { partition: 2, error: refused }];
  const log: object[] = [];
  const api = createApi({
    engine: { ...engine, appendRecords: async () => ({ topicId: 'id', records }) },
    version: 'test',
    log: (entry) => log.push(entry),
  });
  await api(event('POST', '/v1/topics/t/records', { records: records.map(() => ({ value: 'v' })) }));
  expect(log).toEqual([
    {
      requestId: 'r1',
      method: 'POST',
      path: '/v1/topics/t/records',
      status: 503,
      errorCode: 'STORAGE_UNAVAILABLE',
      error,
    },
  ]);
});

it.each([
  ['a success', () => Promise.resolve(json(200, {}))],
  ['another failure', () => Promise.reject(new StorageError('unavailable', 'x'))],
])('%s is answered without a time to come back', async (_, run) => {
  expect((await answering(run)).headers).not.toHaveProperty('retry-after');
});
