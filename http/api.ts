// The whole HTTP API as one function: all operations behind one stack. In AWS each duty has a function of its own instead
// (functions/lambda/).
import type { Engine } from '../lib/api/engine.ts';
import type { HttpApi } from './http-event.ts';
import type { Operation } from './operation.ts';
import { fetchOperations } from './operations/fetch.ts';
import { groupOperations } from './operations/groups.ts';
import { metaOperations } from './operations/meta.ts';
import { offsetOperations } from './operations/offsets.ts';
import { produceOperations } from './operations/produce.ts';
import { producerOperations } from './operations/producers.ts';
import { topicOperations } from './operations/topics.ts';
import { createStack, type StackOptions } from './stack.ts';

export type ApiOptions = {
  readonly engine: Engine;
  readonly version: string;
  /** Gets every failure that is ours (5xx). */
  readonly log?: NonNullable<StackOptions['log']>;
};

export function createApi(options: ApiOptions): HttpApi {
  return createStack({ operations: operationsOf(options), log: options.log });
}

/** All operations: the router's, the OpenAPI document's and the conformance suite's one list. */
export function operationsOf({ engine, version }: Pick<ApiOptions, 'engine' | 'version'>): Operation[] {
  const operations: Operation[] = [
    ...topicOperations(engine),
    ...produceOperations(engine),
    ...fetchOperations(engine),
    ...offsetOperations(engine),
    ...producerOperations(engine),
    ...groupOperations(engine),
    ...metaOperations(version, document),
  ];
  return operations;

  /** Loaded when asked for: it would double the time a cold function takes to start. */
  async function document(): Promise<string> {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(operations, version));
  }
}
