// The function that needs no rights: health, the OpenAPI document, and our 404 and 405 for whatever no route takes.

import { metaOperations } from '../http/operations/meta.ts';
import type { Engine } from '../lib/api/engine.ts';
import packageJson from '../package.json' with { type: 'json' };
import { handlerFor } from './handler.ts';

const { version } = packageJson;

export const handler = handlerFor(metaOperations(version, document));

/** Of all operations, whoever serves them: only their schemas are read, so there need be no engine. */
async function document(): Promise<string> {
  const [{ operationsOf }, { openApiDocument }] = await Promise.all([
    import('../http/api.ts'),
    import('../http/openapi.ts'),
  ]);
  return JSON.stringify(openApiDocument(operationsOf({ engine: {} as Engine, version }), version));
}
