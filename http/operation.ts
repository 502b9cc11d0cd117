// An operation of the API as data: its method and path, the schemas of its request and reply, and the few lines that call
// the engine. The router and the OpenAPI document are both made of these, so they cannot disagree.
//
// This file does once what all operations need: media types, sizes, parsing, and the outcome of failed writes. It checks
// everything before it calls `run`.
import type * as z from 'zod';
import { type ErrorCode, RivuletError } from '../lib/api/errors.ts';
import { fieldName, unexpected } from '../lib/api/refusal.ts';
import { parseJson } from '../lib/json/text.ts';
import { BATCHES_MEDIA_TYPE, decodeProduceFrames, type ProduceFrame } from '../lib/record/frames.ts';
import { type BodyLimit, readBody } from './body.ts';
import type { HttpEvent, HttpResult } from './http-event.ts';
import { acceptedType, BYTES_TYPE, JSON_TYPE, sentType } from './media-type.ts';
import { parse } from './parse.ts';
import { rivuletErrorOf } from './problem.ts';
import { nothing } from './schemas/schemas.ts';

/** The router puts the variable parts of the path beside the event. */
export type RoutedEvent = HttpEvent & {
  pathParameters?: Record<string, string>;
  /** The operation that the router has found. */
  operation?: string;
};

export type Call<Path, Query> = {
  readonly path: Path;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the reply must be binary frames. True only if the operation has `repliesBatches`. */
  readonly wantsBatches: boolean;
  readonly signal: AbortSignal | undefined;
  readonly sourceIp: string | undefined;
  /** The time by the gateway's clock. It is undefined where our own clock is the only one. */
  readonly receivedMs: number | undefined;
};

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A schema that is left out allows nothing. */
type Spec<Path extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> = {
  /** OpenAPI's operationId. */
  readonly id: string;
  readonly summary: string;
  readonly method: Method;
  readonly path: string;
  /** The operation writes, so its failures state their outcome. */
  readonly writes?: true;
  readonly pathSchema?: Path;
  readonly querySchema?: Query;
  /** These are for the documentation only: `run` parses the headers that it reads. */
  readonly headerSchemas?: Readonly<Record<string, z.ZodType>>;
  readonly bodySchema?: Body;
  /** The limit of a JSON body. Default: jsonBodyBytes. */
  readonly bodyLimit?: BodyLimit;
  readonly status: number;
  readonly replySchema?: z.ZodType;
  readonly repliesBatches?: true;
  /** The reply is bytes, and has no JSON. */
  readonly repliesBytes?: true;
  /** The reply has a result for each part. If all parts failed, the reply has the status of the worst error. */
  readonly repliesResults?: true;
  /** The problems of this operation. Those that any operation may give are not repeated here. */
  readonly errors: readonly ErrorCode[];
  /** This is in method syntax, so that one list can hold operations of all kinds. */
  run(call: Call<z.output<Path>, z.output<Query>>, body: z.output<Body>): Promise<HttpResult>;
  /** The reply to a request that `runBatches` handles: its body is binary frames. */
  readonly batchesReplySchema?: z.ZodType;
  runBatches?(call: Call<z.output<Path>, z.output<Query>>, frames: ProduceFrame[]): Promise<HttpResult>;
};

export type Operation = Spec<z.ZodType, z.ZodType, z.ZodType>;

type Nothing = typeof nothing;

/** Types `run` by the schemas. */
export function operation<
  Path extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Body extends z.ZodType = Nothing,
>(spec: Spec<Path, Query, Body>): Operation {
  return spec;
}

export function json(statusCode: number, body: unknown, headers: Record<string, string> = {}): HttpResult {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { statusCode, headers: { 'content-type': JSON_TYPE, ...headers }, body: text };
}

/** Throws RivuletError and nothing else. */
export function handlerOf(spec: Operation): (event: RoutedEvent) => Promise<HttpResult> {
  return async (event) => {
    event.operation = spec.id;
    try {
      const call = callOf(spec, event);
      return await inTime(dispatch(spec, event, call), event.timeLeftMs);
    } catch (error) {
      throw rivuletErrorOf(error, spec.writes === true);
    }
  };
}

/**
 * Answers that the request took too long, while the caller still waits for an answer. The outcome of a write is then
 * unknown: the work goes on and may still complete.
 */
async function inTime(work: Promise<HttpResult>, timeLeftMs: number | undefined): Promise<HttpResult> {
  if (timeLeftMs === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const tooLate = new RivuletError('REQUEST_TIMED_OUT', 'The request took longer than the function may run.');
  const timer = setTimeout(reject, timeLeftMs, tooLate);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function callOf(spec: Operation, event: RoutedEvent): Call<unknown, unknown> {
  return {
    path: parse(spec.pathSchema ?? nothing, event.pathParameters ?? {}, 'path', unescaped),
    query: parse(spec.querySchema ?? nothing, queryOf(event.rawQueryString), 'query'),
    headers: event.headers,
    wantsBatches: acceptedType(event.headers.accept, typesOf(spec)) === BATCHES_MEDIA_TYPE,
    signal: event.signal,
    sourceIp: event.requestContext.http.sourceIp,
    receivedMs: event.requestContext.timeEpoch,
  };
}

function typesOf({ repliesBatches, repliesBytes }: Operation): readonly string[] {
  if (repliesBytes) return [BYTES_TYPE];
  return repliesBatches ? [JSON_TYPE, BATCHES_MEDIA_TYPE] : [JSON_TYPE];
}

/**
 * For an error alone: the name that the caller meant. An escape that need not be there (`%6frders`, `%2e`) is itself what is
 * wrong, and stays.
 */
function unescaped(part: unknown): unknown {
  try {
    const meant = decodeURIComponent(String(part));
    return /^[\w.-]*$/.test(meant) ? part : meant;
  } catch {
    return part;
  }
}

async function dispatch(spec: Operation, event: HttpEvent, call: Call<unknown, unknown>): Promise<HttpResult> {
  const sent = event.body ?? '';
  if (spec.bodySchema === undefined && spec.runBatches === undefined) {
    if (sent.length > 0) throw new RivuletError('INVALID_REQUEST', `body: expected none, got ${sent.length} bytes`);
    return spec.run(call, {});
  }
  const known = spec.runBatches ? [JSON_TYPE, BATCHES_MEDIA_TYPE] : [JSON_TYPE];
  const type = sentType(event.headers['content-type'], known);
  const limit = type === JSON_TYPE ? (spec.bodyLimit ?? 'jsonBodyBytes') : 'binaryBodyBytes';
  const body = await readBody(sent, event.headers['content-encoding'], limit);
  if (type === BATCHES_MEDIA_TYPE && spec.runBatches)
    return spec.runBatches(call, decodeProduceFrames(typeof body === 'string' ? Buffer.from(body) : body));
  return spec.run(call, parse(spec.bodySchema ?? nothing, parseJson(body), 'body'));
}

/** Refuses a repeated parameter: two readers that each use only one of the values would see different requests. */
function queryOf(rawQueryString: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    if (name in query) throw unexpected(fieldName('query', [name]), 'one value', [query[name], value]);
    query[name] = value;
  }
  return query;
}
