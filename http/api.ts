// The whole HTTP API as one function: all operations behind one stack. In AWS several functions share the operations
// instead (functions/routes.ts).
import type { Engine } from '../lib/api/engine.ts';
import type { HttpApi } from './http-event.ts';
import type { Operation } from './operation.ts';
import { deleteRecordsOperations } from './operations/delete-records.ts';
import { fetchOperations } from './operations/fetch.ts';
import { groupOperations } from './operations/groups.ts';
import { maintenanceOperations } from './operations/maintenance.ts';
import { metaOperations } from './operations/meta.ts';
import { offsetOperations } from './operations/offsets.ts';
import { produceOperations } from './operations/produce.ts';
import { producerOperations } from './operations/producers.ts';
import { segmentOperations } from './operations/segments.ts';
import { topicOperations } from './operations/topics.ts';
import { transactionOperations } from './operations/transactions.ts';
import { createStack, type StackOptions } from './stack.ts';

export type ApiOptions = {
  readonly engine: Engine;
  readonly version: string;
  /** Receives every failure of the server (5xx). */
  readonly log?: NonNullable<StackOptions['log']>;
};

export function createApi(options: ApiOptions): HttpApi {
  return createStack({ operations: operationsOf(options), log: options.log });
}

/** All operations. The router, the OpenAPI document and the conformance suite read this one list. */
export function operationsOf({ engine, version }: Pick<ApiOptions, 'engine' | 'version'>): Operation[] {
  const operations: Operation[] = [
    ...topicOperations(engine),
    ...deleteRecordsOperations(engine),
    ...produceOperations(engine),
    ...fetchOperations(engine),
    ...offsetOperations(engine),
    ...producerOperations(engine),
    ...groupOperations(engine),
    ...transactionOperations(engine),
    ...maintenanceOperations(engine),
    ...segmentOperations(engine),
    ...metaOperations(version, document),
  ];
  return operations;

  /** The module is loaded on demand: otherwise it would double the time that a cold function takes to start. */
  async function document(): Promise<string> {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(operations, version));
  }
}
