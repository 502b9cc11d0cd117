// The common part of all functions of the API. It turns operations into the handler that Lambda calls.
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Operation } from '../http/operation.ts';
import type { Route } from '../http/router.ts';
import { createStack } from '../http/stack.ts';
import { openMetrics, serviceName } from './environment.ts';
import { createHandler, type LambdaEvent, type LambdaResult } from './gateway.ts';
import { createLog } from './log.ts';
import type { RequestMetrics } from './metrics.ts';
import { functionRoutes } from './routes.ts';

const routes = Object.values(functionRoutes)
  .flat()
  .map((key) => {
    const [method, path] = key.split(' ');
    return { method, path } as Route;
  });

export function handlerFor(operations: readonly Operation[], metrics: RequestMetrics = openMetrics()) {
  const { logger, logFailure } = createLog(serviceName());
  const api = metrics.measured(createStack({ operations, routes, log: logFailure }));
  // The operations themselves watch the time, because only they know the outcome of a write that took too long.
  return middy<LambdaEvent, LambdaResult>(createHandler(api), { timeoutEarlyInMillis: 0 }).use(
    injectLambdaContext(logger),
  );
}
