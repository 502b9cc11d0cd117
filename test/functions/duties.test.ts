import { expect, it } from 'vitest';
import { operationsOf } from '../../functions/api.ts';
import { duties } from '../../functions/duties.ts';

it('the duties are all operations of the API, each once', () => {
  const operations = operationsOf({ engine: undefined as never, version: '' });
  const routeKeys = operations.map(({ method, path }) => `${method} ${path}`);
  expect(Object.values(duties).flat().sort()).toEqual(routeKeys.sort());
});
