// The stack turns an event into a result: one middy stack, and behind it the router and the operations it is given.
//
//   event -> [receipt] -> common headers -> errors to problems -> path as it is -> body to bytes -> router -> operation
import middy from '@middy/core';
import type { HttpApi, HttpEvent, HttpResult } from './http-event.ts';
import type { Operation, RoutedEvent } from './operation.ts';
import { problemOf, problemResult, RETRY_AFTER_S } from './problem.ts';
import { withCost } from './receipt.ts';
import { checkPath, type Route, routerOf } from './router.ts';

/** One line of the log, for the people who run the service. It holds what the client does not see. */
export type LogEntry = {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly errorCode: string;
  readonly error: unknown;
};

export type StackOptions = {
  readonly operations: readonly Operation[];
  /**
   * All routes of the API, if other functions serve some of them. They decide the answer to a method that a path does not
   * take. Default: the routes of `operations`.
   */
  readonly routes?: readonly Route[];
  /** Receives every failure of the server (5xx). */
  readonly log?: ((entry: LogEntry) => void) | undefined;
};

export function createStack({ operations, routes = operations, log }: StackOptions): HttpApi {
  const stack = middy<RoutedEvent, HttpResult>(routerOf(operations, routes))
    .use(commonHeaders)
    .use(problems(log))
    .before(({ event }) => checkPath(event.rawPath))
    .before(({ event }) => decodeBody(event));
  return (event) => withCost(event, () => stack(routable(event), {} as never));
}

/** Copies the event, because the stack changes it. The router must see the path as it was sent. */
function routable(event: HttpEvent): RoutedEvent {
  const { http, ...context } = event.requestContext;
  return { ...event, requestContext: { ...context, http: { ...http, path: event.rawPath } } };
}

function decodeBody(event: RoutedEvent): void {
  if (!event.isBase64Encoded || typeof event.body !== 'string') return;
  event.body = Buffer.from(event.body, 'base64');
  event.isBase64Encoded = false;
}

type Stack = middy.Request<RoutedEvent, HttpResult>;

function addHeaders({ event, response }: Stack): void {
  if (!response) return;
  if (event.operation !== undefined) response.operation = event.operation;
  response.headers['rivulet-request-id'] = event.requestContext.requestId;
  if (response.statusCode === 429) response.headers['retry-after'] = RETRY_AFTER_S;
}
const commonHeaders: middy.MiddlewareObj<RoutedEvent, HttpResult> = { after: addHeaders, onError: addHeaders };

function problems(log: StackOptions['log']): middy.MiddlewareObj<RoutedEvent, HttpResult> {
  const logOurs = ({ event }: Stack, error: unknown): void => {
    const { status, errorCode } = problemOf(error);
    const { requestId, http } = event.requestContext;
    if (status >= 500) log?.({ requestId, method: http.method, path: event.rawPath, status, errorCode, error });
  };
  return {
    after: (request) => {
      // Records of one partition share one failure: the set logs it once.
      for (const failure of new Set(request.response?.failures)) logOurs(request, failure);
    },
    onError: (request) => {
      request.response = problemResult(request.error, request.event.requestContext.requestId);
      logOurs(request, request.error);
    },
  };
}
