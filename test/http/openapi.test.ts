import { describe, expect, it } from 'vitest';
import { operationsOf } from '../../http/api.ts';
import { openApiDocument } from '../../http/openapi.ts';
import { memoryApi } from '../conformance/memory-api.ts';

const operations = operationsOf({ engine: undefined as never, version: '1.2.3' });
const document = openApiDocument(operations, '1.2.3');
// The paths of the document, as the requests that they stand for.
const documented = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
);

async function statusOf(method: string, path: string): Promise<number> {
  const requestContext = { requestId: 'r', http: { method, path } };
  const event = { version: '2.0' as const, rawPath: path, rawQueryString: '', headers: {}, requestContext };
  return (await memoryApi()({ ...event, isBase64Encoded: false })).statusCode;
}

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 with the version of the service', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
  });

  it('has everything that the README of the HTTP API lists', () => {
    expect(documented.sort()).toEqual([
      'DELETE /v1/groups/{group}',
      'DELETE /v1/groups/{group}/offsets',
      'DELETE /v1/topics/{topic}',
      'DELETE /v1/topics/{topic}/subscriptions/{group}',
      'GET /openapi.json',
      'GET /v1/groups',
      'GET /v1/groups/{group}',
      'GET /v1/groups/{group}/offsets',
      'GET /v1/health',
      'GET /v1/maintenance',
      'GET /v1/subscriptions',
      'GET /v1/topics',
      'GET /v1/topics/{topic}',
      'GET /v1/topics/{topic}/maintenance',
      'GET /v1/topics/{topic}/offsets',
      'GET /v1/topics/{topic}/partitions/{p}/records',
      'GET /v1/topics/{topic}/partitions/{p}/segments',
      'GET /v1/topics/{topic}/partitions/{p}/segments/{offset}',
      'GET /v1/topics/{topic}/subscriptions/{group}',
      'GET /v1/transactions',
      'GET /v1/transactions/{id}',
      'PATCH /v1/dead-letters/{deadLetterTopic}/subscriptions/{topic}/{group}',
      'PATCH /v1/topics/{topic}',
      'PATCH /v1/topics/{topic}/subscriptions/{group}',
      'POST /v1/groups/{group}/heartbeat',
      'POST /v1/groups/{group}/offsets',
      'POST /v1/groups/{group}/offsets/reset',
      'POST /v1/maintenance',
      'POST /v1/producers',
      'POST /v1/topics/{topic}/delete-records',
      'POST /v1/topics/{topic}/fetch',
      'POST /v1/topics/{topic}/maintenance',
      'POST /v1/topics/{topic}/partitions/{p}/records',
      'POST /v1/topics/{topic}/records',
      'POST /v1/topics/{topic}/subscriptions/{group}/pause',
      'POST /v1/topics/{topic}/subscriptions/{group}/resume',
      'POST /v1/topics/{topic}/subscriptions/{group}/retry',
      'POST /v1/topics/{topic}/subscriptions/{group}/retry-now',
      'POST /v1/topics/{topic}/subscriptions/{group}/rotate-secret',
      'POST /v1/topics/{topic}/subscriptions/{group}/test-invoke',
      'POST /v1/transactions/{id}/abort',
      'POST /v1/transactions/{id}/commit',
      'POST /v1/transactions/{id}/force-abort',
      'POST /v1/transactions/{id}/init',
      'PUT /v1/dead-letters/{deadLetterTopic}/subscriptions/{topic}/{group}',
      'PUT /v1/topics/{topic}',
      'PUT /v1/topics/{topic}/subscriptions/{group}',
    ]);
  });

  it.each(documented)('names only operations that the router has: %s', async (operation) => {
    const [method = '', path = ''] = operation.split(' ');
    expect(
      await statusOf(
        method,
        path
          .replace(/\{(\w*[tT]opic)\}/g, 'orders')
          .replace('{p}', '0')
          .replace('{group}', 'billing'),
      ),
    ).not.toBe(405);
  });

  it('has an operation for every route of the router', () => {
    expect(documented.sort()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).sort());
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  });

  it('declares every variable part of a path', () => {
    for (const { path, pathSchema } of operations) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const shape = (pathSchema as { shape?: object } | undefined)?.shape ?? {};
      expect(Object.keys(shape)).toEqual(names);
    }
  });

  it('refers only to schemas that it defines', () => {
    const text = JSON.stringify(document);
    const schemas = Object.keys(document.components?.schemas ?? {});
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) expect(schemas).toContain(name);
  });

  it('leaves no schema of a body or a reply empty', () => {
    for (const methods of Object.values(document.paths ?? {}))
      for (const operation of Object.values(methods))
        for (const reply of Object.values((operation as { responses: object }).responses))
          expect(JSON.stringify(reply)).not.toContain('"schema":{}');
  });
});
