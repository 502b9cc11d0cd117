// The embedded backend divided like the deployed functions: each function has an engine of its own over one store in memory.
// So its caches know no more than the caches of the deployed function.

import { type ApiFunction, functionRoutes } from '../../functions/routes.ts';
import { createApi } from '../../http/api.ts';
import type { HttpApi } from '../../http/http-event.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { Send } from './receipts.ts';

export function embeddedFunctions(): Send {
  const totals = newCounters();
  const objects = countingObjectStore(createMemoryObjectStore({ clock: systemClock }), totals);
  const table = countingTable(createMemoryTable(), totals);
  const newApi = () => createApi({ engine: createEngine({ objects, table, clock: systemClock }), version: 'bench' });
  const apis = Object.fromEntries(Object.keys(functionRoutes).map((name) => [name, newApi()])) as Record<
    ApiFunction,
    HttpApi
  >;
  return async ({ method, path, headers = {}, body }) => {
    const [rawPath = '', rawQueryString = ''] = path.split('?');
    const reply = await apis[functionOf(method, rawPath)]({
      version: '2.0',
      rawPath,
      rawQueryString,
      queryStringParameters: Object.fromEntries(new URLSearchParams(rawQueryString)),
      headers: { ...headers },
      requestContext: { requestId: 'bench', http: { method, path: rawPath } },
      isBase64Encoded: false,
      ...(body !== undefined && { body }),
    });
    const pieces = typeof reply.body === 'string' ? [Buffer.from(reply.body)] : (reply.body ?? []);
    return { status: reply.statusCode, headers: reply.headers, body: Buffer.concat(pieces) };
  };
}

function functionOf(method: string, path: string): ApiFunction {
  const fits = (key: string): boolean => {
    const pattern = key.replace(/\{\w+\}/g, '[^/]+');
    return new RegExp(`^${pattern}$`).test(`${method} ${path}`);
  };
  const found = (Object.keys(functionRoutes) as ApiFunction[]).find((name) => functionRoutes[name].some(fits));
  if (!found) throw new Error(`${method} ${path} is not an operation of any function`);
  return found;
}
