// The HTTP API as one function from event to result: one middy stack, and behind it the router and the operations.
//
//   event -> [receipt] -> request id -> errors to problems -> path as it is -> body to bytes -> router -> operation
import middy from '@middy/core';
import type { Engine } from '../lib/engine.ts';
import { fetchOperations } from './fetch.ts';
import type { HttpApi, HttpEvent, HttpResult } from './http-event.ts';
import { metaOperations } from './meta.ts';
import { offsetOperations } from './offsets.ts';
import type { Operation, RoutedEvent } from './operation.ts';
import { problemOf, problemResult } from './problem.ts';
import { produceOperations } from './produce.ts';
import { producerOperations } from './producers.ts';
import { withCost } from './receipt.ts';
import { checkPath, routerOf } from './router.ts';
import { topicOperations } from './topics.ts';

/** One line for whoever runs this: what the client is not told. */
export type LogEntry = {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly errorCode: string;
  readonly error: unknown;
};

export type ApiOptions = {
  readonly engine: Engine;
  readonly version: string;
  /** Gets every failure that is ours (5xx). */
  readonly log?: (entry: LogEntry) => void;
};

/** All operations: the router's, the OpenAPI document's and the conformance suite's one list. */
export function operationsOf({ engine, version }: ApiOptions): Operation[] {
  const operations: Operation[] = [
    ...topicOperations(engine),
    ...produceOperations(engine),
    ...fetchOperations(engine),
    ...offsetOperations(engine),
    ...producerOperations(engine),
    ...metaOperations(version, document),
  ];
  return operations;

  /** Loaded when asked for: it would double the time a cold function takes to start. */
  async function document(): Promise<string> {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(operations, version));
  }
}

export function createApi(options: ApiOptions): HttpApi {
  const stack = middy<RoutedEvent, HttpResult>(routerOf(operationsOf(options)))
    .use(requestId)
    .use(problems(options.log))
    .before(({ event }) => checkPath(event.rawPath))
    .before(({ event }) => decodeBody(event));
  return (event) => withCost(event, () => stack(routable(event), {} as never));
}

/** A copy of our own: the stack changes it. The path that counts is the one that was sent. */
function routable(event: HttpEvent): RoutedEvent {
  const { requestId, http } = event.requestContext;
  return { ...event, requestContext: { requestId, http: { method: http.method, path: event.rawPath } } };
}

function decodeBody(event: RoutedEvent): void {
  if (!event.isBase64Encoded || typeof event.body !== 'string') return;
  event.body = Buffer.from(event.body, 'base64');
  event.isBase64Encoded = false;
}

type Stack = middy.Request<RoutedEvent, HttpResult>;

function addRequestId({ event, response }: Stack): void {
  if (response) response.headers['rivulet-request-id'] = event.requestContext.requestId;
}
const requestId: middy.MiddlewareObj<RoutedEvent, HttpResult> = { after: addRequestId, onError: addRequestId };

function problems(log: ApiOptions['log']): middy.MiddlewareObj<RoutedEvent, HttpResult> {
  return {
    onError: (request) => {
      const { requestId, http } = request.event.requestContext;
      request.response = problemResult(request.error, requestId);
      const { status, errorCode } = problemOf(request.error);
      if (status >= 500)
        log?.({ requestId, method: http.method, path: request.event.rawPath, status, errorCode, error: request.error });
    },
  };
}
