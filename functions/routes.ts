// Which function of the deployment serves which operations, as route keys of API Gateway. The stacks make routes of these
// keys, and cdk/rights.ts gives each function its role. The operations are divided among functions by what they may do to
// the data, because rights, concurrency and memory differ along that line.
//
// Invariant: the functions together serve exactly the operations of the API, each once. The meta function also serves
// `$default`: it answers a request that no route takes with our 404 or 405.

export const functionRoutes = {
  produce: ['POST /v1/topics/{topic}/records', 'POST /v1/topics/{topic}/partitions/{p}/records', 'POST /v1/producers'],
  fetch: ['POST /v1/topics/{topic}/fetch', 'GET /v1/topics/{topic}/partitions/{p}/records'],
  topics: [
    'GET /v1/topics',
    'PUT /v1/topics/{topic}',
    'GET /v1/topics/{topic}',
    'PATCH /v1/topics/{topic}',
    'DELETE /v1/topics/{topic}',
    'POST /v1/topics/{topic}/delete-records',
    'GET /v1/topics/{topic}/offsets',
    'GET /v1/topics/{topic}/partitions/{p}/segments',
    'GET /v1/topics/{topic}/partitions/{p}/segments/{offset}',
    'POST /v1/topics/{topic}/maintenance',
    'GET /v1/topics/{topic}/maintenance',
    'POST /v1/maintenance',
    'GET /v1/maintenance',
  ],
  groups: [
    'POST /v1/groups/{group}/heartbeat',
    'GET /v1/groups',
    'GET /v1/groups/{group}',
    'DELETE /v1/groups/{group}',
    'POST /v1/groups/{group}/offsets',
    'GET /v1/groups/{group}/offsets',
    'DELETE /v1/groups/{group}/offsets',
    'POST /v1/groups/{group}/offsets/reset',
  ],
  transactions: [
    'POST /v1/transactions/{id}/init',
    'POST /v1/transactions/{id}/commit',
    'POST /v1/transactions/{id}/abort',
    'POST /v1/transactions/{id}/force-abort',
    'GET /v1/transactions/{id}',
    'GET /v1/transactions',
  ],
  subscriptions: [
    'PUT /v1/topics/{topic}/subscriptions/{group}',
    'GET /v1/topics/{topic}/subscriptions/{group}',
    'PATCH /v1/topics/{topic}/subscriptions/{group}',
    'DELETE /v1/topics/{topic}/subscriptions/{group}',
    'POST /v1/topics/{topic}/subscriptions/{group}/pause',
    'POST /v1/topics/{topic}/subscriptions/{group}/resume',
    'POST /v1/topics/{topic}/subscriptions/{group}/retry',
    'POST /v1/topics/{topic}/subscriptions/{group}/retry-now',
    'POST /v1/topics/{topic}/subscriptions/{group}/rotate-secret',
    'POST /v1/topics/{topic}/subscriptions/{group}/test-invoke',
    'PUT /v1/dead-letters/{deadLetterTopic}/subscriptions/{topic}/{group}',
    'PATCH /v1/dead-letters/{deadLetterTopic}/subscriptions/{topic}/{group}',
    'GET /v1/subscriptions',
  ],
  meta: ['GET /v1/health', 'GET /openapi.json'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ApiFunction = keyof typeof functionRoutes;

/** Each GET has a HEAD beside it, which is answered in the same way, without the body. */
export const routeKeysOf = (name: ApiFunction): readonly string[] =>
  functionRoutes[name].flatMap((key) => (key.startsWith('GET ') ? [key, key.replace('GET', 'HEAD')] : [key]));

/**
 * The Lambda functions. Those without a route tend partitions, do the daily maintenance, check the groups every hour, and push
 * records: the router reads the stream of the table, and the dispatcher delivers.
 */
export type FunctionName = ApiFunction | 'tend' | 'maintenance' | 'lag' | 'router' | 'dispatcher';
export const functionNames: readonly FunctionName[] = [
  ...(Object.keys(functionRoutes) as ApiFunction[]),
  'tend',
  'maintenance',
  'lag',
  'router',
  'dispatcher',
];
