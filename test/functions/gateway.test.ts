import { describe, expect, it } from 'vitest';
import { createHandler, type LambdaEvent } from '../../functions/gateway.ts';
import type { HttpEvent, HttpResult } from '../../http/http-event.ts';

/**
 * The event as API Gateway sends it:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
function gatewayEvent(changes: Partial<LambdaEvent>): LambdaEvent {
  const full = {
    version: '2.0',
    routeKey: 'POST /v1/topics/{topic}/records',
    rawPath: '/v1/topics/orders/records',
    rawQueryString: 'topicId=abc',
    cookies: ['a=b'],
    headers: { 'content-type': 'application/json', host: 'x.execute-api.eu-west-1.amazonaws.com' },
    queryStringParameters: { topicId: 'abc' },
    pathParameters: { topic: 'decoded by the gateway' },
    requestContext: {
      accountId: '123456789012',
      apiId: 'x',
      authorizer: {
        iam: { accessKey: 'AKIA', accountId: '123456789012', userArn: 'arn:aws:iam::123456789012:user/me' },
      },
      domainName: 'x.execute-api.eu-west-1.amazonaws.com',
      http: {
        method: 'POST',
        path: '/v1/topics/orders/records',
        protocol: 'HTTP/1.1',
        sourceIp: '192.0.2.1',
        userAgent: 'x',
      },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: 'POST /v1/topics/{topic}/records',
      stage: '$default',
      time: '12/Mar/2026:19:03:58 +0000',
      timeEpoch: 1583348638390,
    },
    isBase64Encoded: false,
    ...changes,
  };
  return full as LambdaEvent;
}

async function exchange(event: LambdaEvent, reply: HttpResult) {
  let seen: HttpEvent | undefined;
  const handler = createHandler(async (given) => {
    seen = given;
    return reply;
  });
  return { result: await handler(event, { getRemainingTimeInMillis: () => 29_000 }), seen };
}

describe('the Lambda handler', () => {
  it('passes on the parts of the event that we read, and nothing that the gateway has decoded', async () => {
    const { seen } = await exchange(gatewayEvent({ body: '{}' }), { statusCode: 204, headers: {} });
    expect(seen).toMatchObject({ rawPath: '/v1/topics/orders/records', rawQueryString: 'topicId=abc', body: '{}' });
    expect(seen).not.toHaveProperty('pathParameters');
    expect(seen).not.toHaveProperty('queryStringParameters');
  });

  it('keeps the last second of its time for the answer', async () => {
    expect((await exchange(gatewayEvent({}), { statusCode: 204, headers: {} })).seen).toMatchObject({
      timeLeftMs: 28_000,
    });
  });

  it('answers short text as text', async () => {
    const reply = { statusCode: 200, headers: { 'content-type': 'application/json' }, body: '{"a":"é"}' };
    expect((await exchange(gatewayEvent({}), reply)).result).toEqual({ ...reply, isBase64Encoded: false });
  });

  it('answers a body in chunks as the base64 of the whole, also when a chunk is a view', async () => {
    const body = [Uint8Array.from([1, 2, 255]).subarray(1), Uint8Array.of(7)];
    const { result } = await exchange(gatewayEvent({}), { statusCode: 200, headers: {}, body });
    expect(result).toEqual({ statusCode: 200, headers: {}, body: 'Av8H', isBase64Encoded: true });
  });

  it('answers without a body where there is none', async () => {
    const { result } = await exchange(gatewayEvent({}), { statusCode: 204, headers: {} });
    expect(result).toEqual({ statusCode: 204, headers: {}, isBase64Encoded: false });
  });

  it.each([
    ['text that doubles when it is escaped', '"'.repeat(4 * 1024 * 1024)],
    ['short text that doubles when it is escaped', '"'.repeat(1024 * 1024)],
    ['bytes', [new Uint8Array(4 * 1024 * 1024)]],
  ])('keeps 4 MiB of %s within what Lambda takes', async (_, body) => {
    const { result } = await exchange(gatewayEvent({}), { statusCode: 200, headers: {}, body });
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(6 * 1024 * 1024);
  });
});
