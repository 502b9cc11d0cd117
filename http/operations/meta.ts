// The operations about the API itself: its health, its version and its OpenAPI document.
import { json, type Operation, operation } from '../operation.ts';
import { health, openApi } from '../schemas/replies.ts';

/** `document` returns the OpenAPI document as JSON text. It is called only when a client requests the document. */
export function metaOperations(version: string, document: () => Promise<string>): Operation[] {
  return [getHealth(version), getOpenApi(document)];
}

const getHealth = (version: string) =>
  operation({
    id: 'health',
    summary: 'Say that the function answers and which version it has, without a request to the storage',
    method: 'GET',
    path: '/v1/health',
    status: 200,
    replySchema: health,
    errors: [],
    run: async () => json(200, { status: 'ok', version }),
  });

const getOpenApi = (document: () => Promise<string>) =>
  operation({
    id: 'openApi',
    summary: 'Return this document',
    method: 'GET',
    path: '/openapi.json',
    status: 200,
    replySchema: openApi,
    errors: [],
    run: async () => json(200, await document()),
  });
