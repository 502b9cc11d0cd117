// The API about itself: is it there, which version, and its OpenAPI document.
import { json, type Operation, operation } from '../operation.ts';
import { health, openApi } from '../schemas/replies.ts';

/** `document` gives the OpenAPI document as JSON text; it is asked for only when somebody wants it. */
export function metaOperations(version: string, document: () => Promise<string>): Operation[] {
  return [getHealth(version), getOpenApi(document)];
}

const getHealth = (version: string) =>
  operation({
    id: 'health',
    summary: 'The functions answer; nothing is asked of the storage',
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
    summary: 'This document',
    method: 'GET',
    path: '/openapi.json',
    status: 200,
    replySchema: openApi,
    errors: [],
    run: async () => json(200, await document()),
  });
