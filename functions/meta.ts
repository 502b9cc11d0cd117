// The function that needs no rights. It answers health, the OpenAPI document, and 404 or 405 for requests that no route takes.

import { metaOperations } from '../http/operations/meta.ts';
import type { Engine } from '../lib/api/engine.ts';
import packageJson from '../package.json' with { type: 'json' };
import { handlerFor } from './handler.ts';

const { version } = packageJson;

export const handler = handlerFor(metaOperations(version, document));

/** The document describes the operations of all functions. Only their schemas are read, so an empty engine is enough. */
async function document(): Promise<string> {
  const [{ operationsOf }, { openApiDocument }] = await Promise.all([
    import('../http/api.ts'),
    import('../http/openapi.ts'),
  ]);
  return JSON.stringify(openApiDocument(operationsOf({ engine: {} as Engine, version }), version));
}
