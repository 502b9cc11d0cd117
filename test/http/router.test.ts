import { describe, expect, it } from 'vitest';
import type { RoutedEvent } from '../../http/operation.ts';
import { operation } from '../../http/operation.ts';
import { checkPath, routerOf } from '../../http/router.ts';
import { nothing, topicPath } from '../../http/schemas/schemas.ts';

const spec = { id: 'x', summary: 'x', status: 200, errors: [], run: async () => ({ statusCode: 200, headers: {} }) };
const route = routerOf([
  operation({ ...spec, method: 'GET', path: '/v1/topics', pathSchema: nothing }),
  operation({ ...spec, method: 'GET', path: '/v1/topics/{topic}', pathSchema: topicPath }),
  operation({ ...spec, method: 'PUT', path: '/v1/topics/{topic}', pathSchema: topicPath }),
]);

function event(method: string, rawPath: string): RoutedEvent {
  const requestContext = { requestId: 'r', http: { method, path: rawPath } };
  return { version: '2.0', rawPath, rawQueryString: '', headers: {}, requestContext, isBase64Encoded: false };
}
const go = async (method: string, path: string) => route(event(method, path), {}, {});

describe('the router', () => {
  it('finds the operation of a method and a path', async () => {
    expect(await go('GET', '/v1/topics')).toMatchObject({ statusCode: 200 });
    expect(await go('PUT', '/v1/topics/orders')).toMatchObject({ statusCode: 200 });
  });

  it.each(['/', '/v1', '/v1/topic', '/v1/topics/orders/more', '/V1/topics', '/v1/./topics', '/v1%2Ftopics'])(
    'finds no operation at %s',
    async (path) => {
      await expect(go('GET', path)).rejects.toMatchObject({ errorCode: 'NOT_FOUND' });
    },
  );

  it('answers HEAD wherever it answers GET', async () => {
    expect(await go('HEAD', '/v1/topics/orders')).toMatchObject({ statusCode: 200 });
    await expect(go('HEAD', '/v1/nothing')).rejects.toMatchObject({ errorCode: 'NOT_FOUND' });
  });

  it.each(['OPTIONS', 'DELETE', 'TRACE', '__proto__'])(
    'answers %s with the methods that the path has',
    async (method) => {
      await expect(go(method, '/v1/topics/orders')).rejects.toMatchObject({
        errorCode: 'METHOD_NOT_ALLOWED',
        extra: { allow: 'GET, HEAD, PUT' },
      });
    },
  );
});

describe('a path is refused when the path of another access policy would cover it', () => {
  it.each(['/v1/topics/orders/', '/v1/topics/', '/', '//v1/topics', '/v1//topics', '/v1/topics//'])('%s', (path) => {
    expect(() => checkPath(path)).toThrow('There is nothing at');
  });

  it('a path without empty parts is not refused', () => {
    expect(() => checkPath('/v1/topics/orders')).not.toThrow();
  });
});
