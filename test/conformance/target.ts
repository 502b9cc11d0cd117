// The conformance suite talks to any endpoint that takes HTTP requests, behind one function. Paths and headers go out
// unchanged, and nothing on the way may normalise them.
import { expect } from 'vitest';
import { operationsOf } from '../../http/api.ts';
import { BYTES_TYPE } from '../../http/media-type.ts';
import type { Operation } from '../../http/operation.ts';
import { problem } from '../../http/schemas/replies.ts';
import type { ErrorCode } from '../../lib/api/errors.ts';
import { type EncodeOptions, encodeBatch, type RecordInput } from '../../lib/record/batch.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames, encodeProduceFrames } from '../../lib/record/frames.ts';
import type { HttpReply, HttpRequest } from '../../tools/emulator/signed-request.ts';

export type Target = {
  /** Signs the request if the endpoint requires it. */
  send(request: HttpRequest): Promise<HttpReply>;
  close(): Promise<void>;
};

// biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every shape, each held against its schema first.
export type Reply = HttpReply & { readonly json: any };

const operations = operationsOf({ engine: undefined as never, version: '' });

/** Sends the request, and checks the reply against the OpenAPI document. */
async function exchange(target: Target, request: HttpRequest): Promise<Reply> {
  const reply = await target.send(request);
  // A gateway may send any content type with an empty body.
  const isBare = reply.status === 204 || request.method === 'HEAD';
  const type = isBare ? '' : (reply.headers['content-type'] ?? '');
  const json = type.includes('json') ? JSON.parse(reply.body.toString()) : undefined;
  if (type === 'application/problem+json') checkProblem(request, reply, json);
  else if (type === 'application/json') checkDocumented(request, reply, json);
  else if (type === BATCHES_MEDIA_TYPE) decodeFetchFrames(reply.body);
  else if (type === BYTES_TYPE) expect(operationOf(request)?.repliesBytes).toBe(true);
  else expect([isBare, reply.body.length]).toEqual([true, 0]);
  return { ...reply, json };
}

/** Any operation may return these errors, so the document does not repeat them at every operation. */
const anywhere: readonly ErrorCode[] = [
  'INVALID_REQUEST',
  'INVALID_TOPIC_EXCEPTION',
  'NOT_ACCEPTABLE',
  'UNSUPPORTED_MEDIA_TYPE',
  'BODY_TOO_LARGE',
  'HEADERS_TOO_LARGE',
  'FORBIDDEN',
];

function checkProblem(request: HttpRequest, reply: HttpReply, json: unknown): void {
  const parsed = problem.parse(json);
  const documented = operationOf(request)?.errors ?? ['NOT_FOUND', 'METHOD_NOT_ALLOWED'];
  expect([...anywhere, ...documented]).toContain(parsed.errorCode);
  expect(parsed.status).toBe(reply.status);
  expect(parsed.requestId).toBeTruthy();
  expect(parsed.detail).not.toMatch(/node_modules|\.ts:\d/);
}

function checkDocumented(request: HttpRequest, reply: HttpReply, json: unknown): void {
  const operation = operationOf(request);
  const binary = request.headers?.['content-type'] === BATCHES_MEDIA_TYPE;
  const schema = binary ? operation?.batchesReplySchema : operation?.replySchema;
  expect(schema, `${request.method} ${request.path} has no documented reply`).toBeDefined();
  schema?.parse(json);
  if (reply.status === operation?.status) return;
  const errors: readonly string[] = operation?.errors ?? [];
  const found = JSON.stringify(json).match(/(?<="errorCode":")[A-Z_]+/g) ?? [];
  expect(errors, 'every error in the results is documented').toEqual(expect.arrayContaining(found));
}

function operationOf({ method, path }: HttpRequest): Operation | undefined {
  const parts = path.split('?')[0]?.split('/') ?? [];
  return operations.find((one) => {
    const pattern = one.path.split('/');
    const fits = pattern.every((part, at) => (part.startsWith('{') ? parts[at] !== '' : part === parts[at]));
    return one.method === method && pattern.length === parts.length && fits;
  });
}

// --- short ways to say what the tests say often

export type Ask = ReturnType<typeof askOf>;

export function askOf(target: () => Target) {
  const sendJson = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    exchange(target(), {
      method,
      path,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return {
    send: (request: HttpRequest) => exchange(target(), request),
    json: sendJson,
    get: (path: string, headers: Record<string, string> = {}) => exchange(target(), { method: 'GET', path, headers }),
    /** Sends binary frames. */
    frames: (path: string, body: Uint8Array, headers: Record<string, string> = {}) =>
      exchange(target(), { method: 'POST', path, headers: { 'content-type': BATCHES_MEDIA_TYPE, ...headers }, body }),
    /** Each test has a topic of its own, so that the suite can run on an endpoint that keeps its data. */
    topic: async (partitions = 1, config: Record<string, string> = {}) => {
      const topic = freshName();
      const made = await sendJson('PUT', `/v1/topics/${topic}`, { partitions, config });
      expect(made.status).toBe(201);
      return { topic, topicId: made.json.topicId as string, path: `/v1/topics/${topic}` };
    },
  };
}

const run = `c${process.pid}-${process.hrtime.bigint().toString(36)}`;
let names = 0;
export const freshName = () => `${run}-${++names}`;

const text = (value: string) => new Uint8Array(Buffer.from(value));

export function batchOf(values: readonly string[], options: EncodeOptions = {}): Uint8Array {
  const records = values.map<RecordInput>((value) => ({
    key: null,
    value: text(value),
    headers: [],
    timestampMs: 1_700_000_000_000,
  }));
  return encodeBatch(records, options);
}

export const frameOf = (partition: number, ...batches: Uint8Array[]) =>
  encodeProduceFrames([{ partition, batches: Buffer.concat(batches) }]);
