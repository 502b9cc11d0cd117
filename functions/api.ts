// The whole HTTP API as one function: all operations behind one stack. In AWS each duty has a function of its own instead
// (functions/lambda/).
import type { Engine } from '../lib/engine.ts';
import { fetchOperations } from './fetch.ts';
import { groupOperations } from './groups.ts';
import type { HttpApi } from './http-event.ts';
import { metaOperations } from './meta.ts';
import { offsetOperations } from './offsets.ts';
import type { Operation } from './operation.ts';
import { produceOperations } from './produce.ts';
import { producerOperations } from './producers.ts';
import { createStack, type StackOptions } from './stack.ts';
import { topicOperations } from './topics.ts';

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
