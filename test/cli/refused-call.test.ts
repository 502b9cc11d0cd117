// The page is told which right a refused call needs, in words of this machine alone.
import { expect, test } from 'vitest';
import { isRefusedByGateway, refusedCall, withoutAdvice } from '../../cli/refused-call.ts';
import type { HttpEvent } from '../../http/http-event.ts';
import { partitionOf } from '../../lib/storage/aws/endpoint.ts';

const answer = (body: string, status = 403, headers = {}) => ({ status, headers, body: Buffer.from(body) });

function told(rawPath: string, host: string, body = '{"message":"Forbidden"}', method = 'DELETE') {
  const region = /\.([a-z-]+-\d)\./.exec(host)?.[1] ?? 'us-east-1';
  const event = { rawPath, requestContext: { requestId: 'r', http: { method } } } as HttpEvent;
  const { body: problem } = refusedCall(event, { host, region, partition: partitionOf(region) }, answer(body));
  return JSON.parse(String(problem));
}

test.each([
  ['abc123.execute-api.eu-central-1.amazonaws.com', 'arn:aws:execute-api:eu-central-1:*:abc123'],
  ['abc123.execute-api.cn-north-1.amazonaws.com.cn', 'arn:aws-cn:execute-api:cn-north-1:*:abc123'],
  ['abc123.execute-api.localhost', 'arn:aws:execute-api:us-east-1:*:abc123'],
  ['abc123.execute-api.us-gov-west-1.amazonaws.com', 'arn:aws-us-gov:execute-api:us-gov-west-1:*:abc123'],
])('%s: the right that the call needs', (host, api) => {
  expect(told('/v1/groups/billing', host)).toMatchObject({
    ...{ errorCode: 'FORBIDDEN', detail: 'HTTP 403: {"message":"Forbidden"}', action: 'execute-api:Invoke' },
    resource: `${api}/$default/DELETE/v1/groups/billing`,
  });
});

test('a name that means more to IAM is written as the name alone', () => {
  const { resource } = told('/v1/groups/*$%3F', 'abc123.execute-api.eu-central-1.amazonaws.com');
  expect(resource).toMatch(/\/v1\/groups\/\$\{\*\}\$\{\$\}%3F$/);
});

test("a domain of one's own does not name the API, so there is no line to copy", () => {
  const problem = told('/v1/groups/*', 'events.corp.example.com');
  expect(problem.detail).toMatch(
    /API_ID\/\$default\/DELETE\/v1\/groups\/\$\{\*\}, where API_ID is the API behind events\./,
  );
  expect(problem).not.toHaveProperty('action');
  expect(problem).not.toHaveProperty('resource');
});

test('nothing of the answer is taken for a right', () => {
  const body = '{"action":"*","resource":"*","detail":"not authorized to perform: * on resource: *"}';
  expect(told('/v1/topics', 'events.corp.example.com', body)).not.toHaveProperty('action');
  expect(String(withoutAdvice(answer(body, 400)))).toBe('{"detail":"not authorized to perform: * on resource: *"}');
  expect(String(withoutAdvice(answer('<html>', 502)))).toBe('<html>');
  expect(isRefusedByGateway(answer(body))).toBe(true);
  expect(isRefusedByGateway(answer(body, 403, { 'content-type': 'application/problem+json' }))).toBe(false);
});
