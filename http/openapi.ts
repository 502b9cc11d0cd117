// The OpenAPI 3.1 document. It is made of the same operations as the router.
import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { catalogue } from '../lib/api/errors.ts';
import { BATCHES_MEDIA_TYPE } from '../lib/record/frames.ts';
import { BYTES_TYPE, JSON_TYPE } from './media-type.ts';
import type { Operation } from './operation.ts';
import { problem } from './schemas/replies.ts';

const BATCHES = { [BATCHES_MEDIA_TYPE]: { schema: { type: 'string', format: 'binary' } } } as const;
const BYTES = { [BYTES_TYPE]: { schema: { type: 'string', format: 'binary' } } } as const;
const PROBLEM = { 'application/problem+json': { schema: problem } };

export function openApiDocument(operations: readonly Operation[], version: string): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'Rivulet', version, description: 'Kafka without brokers. docs/PROTOCOL.md has the rules.' },
    components: {
      securitySchemes: {
        sigv4: {
          type: 'apiKey',
          name: 'Authorization',
          in: 'header',
          description: 'AWS Signature Version 4, execute-api',
        },
      },
    },
    security: [{ sigv4: [] }],
    paths,
  });
}

function describe(operation: Operation): ZodOpenApiOperationObject {
  return {
    operationId: operation.id,
    summary: operation.summary,
    requestParams: parametersOf(operation),
    ...requestBodyOf(operation),
    responses: {
      [operation.status]: { description: 'Done', ...repliesOf(operation) },
      ...problemsOf(operation),
      default: { description: 'Any other problem', content: PROBLEM },
    },
  } as ZodOpenApiOperationObject;
}

function parametersOf({ pathSchema, querySchema, headerSchemas, bodySchema }: Operation) {
  return {
    ...(pathSchema && { path: pathSchema }),
    ...(querySchema && { query: querySchema }),
    ...(bodySchema && { header: z.object({ ...headerSchemas, 'Content-Encoding': contentEncoding }) }),
  };
}

/** Every body may be compressed: see readBody in body.ts. */
const contentEncoding = z.enum(['gzip', 'identity']).optional().meta({
  description: 'How the body is compressed. The limit of a body also holds for its unpacked size',
});

function requestBodyOf({ bodySchema, runBatches }: Operation) {
  if (bodySchema === undefined) return {};
  const content = { [JSON_TYPE]: { schema: bodySchema }, ...(runBatches && BATCHES) };
  return { requestBody: { required: true, content } };
}

function repliesOf({ replySchema, batchesReplySchema, repliesBatches, repliesBytes }: Operation) {
  if (repliesBytes) return { content: BYTES };
  if (replySchema === undefined) return {};
  const schema = batchesReplySchema ? z.union([replySchema, batchesReplySchema]) : replySchema;
  return { content: { [JSON_TYPE]: { schema }, ...(repliesBatches && BATCHES) } };
}

/** One reply per status, which names its errors. A request whose parts all failed is answered with their results instead. */
function problemsOf(operation: Operation) {
  const byStatus = Object.groupBy(operation.errors, (code) => catalogue[code].status);
  const results = operation.repliesResults ? repliesOf(operation).content : {};
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes]) => [
      status,
      { description: (codes ?? []).join(', '), content: { ...PROBLEM, ...results } },
    ]),
  );
}
