// An operation of the API as data: its method and path, the schemas of what goes in and out, and the few lines that
// call the engine. The router and the OpenAPI document are both made of these, so they cannot disagree.
//
// What every operation has in common happens here, once: media types, sizes, parsing, and the outcome of failed writes.
// Everything is checked before `run` is called.
import type * as z from 'zod';
import { type ErrorCode, RivuletError } from '../lib/api/errors.ts';
import { fieldName, unexpected } from '../lib/api/refusal.ts';
import { parseJson } from '../lib/json/text.ts';
import { BATCHES_MEDIA_TYPE, decodeProduceFrames, type ProduceFrame } from '../lib/record/frames.ts';
import { type BodyLimit, readBody } from './body.ts';
import type { HttpEvent, HttpResult } from './http-event.ts';
import { acceptedType, JSON_TYPE, sentType } from './media-type.ts';
import { parse } from './parse.ts';
import { rivuletErrorOf } from './problem.ts';
import { nothing } from './schemas/schemas.ts';

/** The router has put the variable parts of the path beside the event. */
export type RoutedEvent = HttpEvent & { pathParameters?: Record<string, string> };

export type Call<Path, Query> = {
  readonly path: Path;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  /** The reply is to be binary frames. Only where `repliesBatches`. */
  readonly wantsBatches: boolean;
  readonly signal: AbortSignal | undefined;
  readonly sourceIp: string | undefined;
  /** By the gateway's clock; undefined where there is none but our own. */
  readonly receivedMs: number | undefined;
};

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Schemas that are left out allow nothing. */
type Spec<Path extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> = {
  /** OpenAPI's operationId. */
  readonly id: string;
  readonly summary: string;
  readonly method: Method;
  readonly path: string;
  /** A failure then states its outcome. */
  readonly writes?: true;
  readonly pathSchema?: Path;
  readonly querySchema?: Query;
  /** Documentation only: `run` parses the headers it reads. */
  readonly headerSchemas?: Readonly<Record<string, z.ZodType>>;
  readonly bodySchema?: Body;
  /** Of a JSON body. Default: jsonBodyBytes. */
  readonly bodyLimit?: BodyLimit;
  readonly status: number;
  readonly replySchema?: z.ZodType;
  readonly repliesBatches?: true;
  /** It has a result for each part: where all failed, they come under the status of the worst. */
  readonly repliesResults?: true;
  /** Problems of its own; those that any operation may give are not repeated. */
  readonly errors: readonly ErrorCode[];
  /** Method syntax, so that a list can hold operations of all kinds. */
  run(call: Call<z.output<Path>, z.output<Query>>, body: z.output<Body>): Promise<HttpResult>;
  /** Takes a body of binary frames. */
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
    try {
      const call = callOf(spec, event);
      return await inTime(dispatch(spec, event, call), event.timeLeftMs);
    } catch (error) {
      throw rivuletErrorOf(error, spec.writes === true);
    }
  };
}

/**
 * Says that it took too long while there is somebody to say it to; of a write, that its outcome is unknown: what was under
 * way may be done yet.
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
  const offered = spec.repliesBatches ? [JSON_TYPE, BATCHES_MEDIA_TYPE] : [JSON_TYPE];
  return {
    path: parse(spec.pathSchema ?? nothing, event.pathParameters ?? {}, 'path', unescaped),
    query: parse(spec.querySchema ?? nothing, queryOf(event.rawQueryString), 'query'),
    headers: event.headers,
    wantsBatches: acceptedType(event.headers.accept, offered) === BATCHES_MEDIA_TYPE,
    signal: event.signal,
    sourceIp: event.requestContext.http.sourceIp,
    receivedMs: event.requestContext.timeEpoch,
  };
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

/** A parameter that comes twice is refused: whoever reads only one of the two would read another request. */
function queryOf(rawQueryString: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    if (name in query) throw unexpected(fieldName('query', [name]), 'one value', [query[name], value]);
    query[name] = value;
  }
  return query;
}
