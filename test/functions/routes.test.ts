import { expect, it } from 'vitest';
import { functionRoutes } from '../../functions/routes.ts';
import { operationsOf } from '../../http/api.ts';

it('the functions serve all operations of the API but for those of subscriptions, each exactly once', () => {
  const operations = operationsOf({ engine: undefined as never, version: '' });
  const routeKeys = operations.map(({ method, path }) => `${method} ${path}`);
  expect(Object.values(functionRoutes).flat().sort()).toEqual(routeKeys.sort());
});
