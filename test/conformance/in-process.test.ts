import { createHandler, type LambdaEvent } from '../../functions/gateway.ts';
import type { HttpReply, HttpRequest } from '../../tools/emulator/signed-request.ts';
import { httpConformance } from './http-conformance.ts';
import { memoryApi } from './memory-api.ts';
import type { Target } from './target.ts';

let requests = 0;
function eventOf({ method, path: target, headers = {} }: HttpRequest) {
  const [path = '', ...query] = target.split('?');
  return {
    version: '2.0' as const,
    rawPath: path,
    rawQueryString: query.join('?'),
    headers: { ...headers },
    requestContext: { requestId: `r${++requests}`, http: { method, path } },
    isBase64Encoded: false,
  };
}

const replyOf = (status: number, headers: Record<string, string>, body: Buffer): HttpReply => ({
  status,
  headers,
  body,
});

httpConformance('the handlers, over memory', async (): Promise<Target> => {
  const api = memoryApi();
  return {
    send: async (request) => {
      const { body } = request;
      const result = await api({ ...eventOf(request), ...(body !== undefined && { body }) });
      // Servers drop the body of an answer to HEAD, and so does this.
      const given = request.method === 'HEAD' ? [] : (result.body ?? []);
      const pieces = typeof given === 'string' ? [Buffer.from(given)] : given;
      return replyOf(result.statusCode, result.headers, Buffer.concat(pieces));
    },
    close: async () => undefined,
  };
});

/**
 * This endpoint behaves as API Gateway does: JSON goes as text, everything else as base64, and events and results go
 * through JSON.
 */
httpConformance('the Lambda handler, over memory', async (): Promise<Target> => {
  const handler = createHandler(memoryApi());
  const context = { getRemainingTimeInMillis: () => 29_000 };
  return {
    send: async (request) => {
      const event: LambdaEvent = { ...eventOf(request), ...gatewayBody(request) };
      const result = JSON.parse(JSON.stringify(await handler(JSON.parse(JSON.stringify(event)), context)));
      const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8');
      return replyOf(result.statusCode, result.headers, body);
    },
    close: async () => undefined,
  };
});

function gatewayBody({ body }: HttpRequest): { body?: string; isBase64Encoded: boolean } {
  if (body === undefined) return { isBase64Encoded: false };
  if (typeof body === 'string') return { body, isBase64Encoded: false };
  return { body: Buffer.from(body).toString('base64'), isBase64Encoded: true };
}
