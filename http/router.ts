// The router finds the operation for a method and a path.
//
// Invariant: an operation answers to exactly one spelling of its path. IAM decides by the path as it was sent, and a
// policy on `topics/orders/*` must not reach `DELETE /v1/topics/orders/`. So nothing is decoded, cleaned or trimmed.
import httpRouter from '@middy/http-router';
import { RivuletError } from '../lib/api/errors.ts';
import type { HttpResult } from './http-event.ts';
import { handlerOf, type Operation, type RoutedEvent } from './operation.ts';

type Router = (event: RoutedEvent, context: unknown, options: unknown) => Promise<HttpResult>;

export type Route = Pick<Operation, 'method' | 'path'>;

/** `known` may hold more routes than this router serves. */
export function routerOf(operations: readonly Operation[], known: readonly Route[] = operations): Router {
  const routes = operations.flatMap((operation) => {
    const handler = handlerOf(operation);
    return methodsOf(operation).map((method) => ({ method, path: operation.path, handler }));
  });
  const notFoundResponse = ({ method, path }: { method: string; path: string }) => {
    throw noOperation(known, method, path);
  };
  // The router's types require API Gateway's whole event. It reads only version, method and path, which RoutedEvent has.
  return httpRouter({ routes, notFoundResponse } as never) as unknown as Router;
}

/** HEAD is handled as GET, and the server leaves out the body. */
const methodsOf = ({ method }: Route): readonly string[] => (method === 'GET' ? ['GET', 'HEAD'] : [method]);

/** Refuses empty segments, because the router would ignore a slash at the end. Throws NOT_FOUND. */
export function checkPath(path: string): void {
  if (/\/(\/|$)/.test(path)) throw new RivuletError('NOT_FOUND', `There is nothing at ${path}`);
}

function noOperation(known: readonly Route[], method: string, path: string): RivuletError {
  const allow = known.filter((one) => covers(one.path, path)).flatMap(methodsOf);
  if (allow.length === 0) return new RivuletError('NOT_FOUND', `There is nothing at ${path}`);
  return new RivuletError('METHOD_NOT_ALLOWED', `${path} takes ${allow.join(', ')}, got ${method}`, {
    extra: { allow: allow.join(', ') },
  });
}

function covers(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((part, at) => part.startsWith('{') || part === given[at]);
}
