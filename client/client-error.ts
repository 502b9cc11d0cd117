// The SDK has one error class, and this file turns every failed answer into it: our own problem documents, answers that
// a gateway in front of our functions made up, and connections that broke.
// Invariant: on a write, `outcome` never claims more than is known.
import { catalogue, type ErrorCode, type Outcome } from '../lib/api/errors.ts';
import type { RecordMetadata } from './record-metadata.ts';

/** The catalogue's codes, and the codes that only a client can meet. A newer server may send codes that are not listed. */
export type ClientErrorCode =
  | ErrorCode
  /** The connection could not be made, or broke. */
  | 'NETWORK_EXCEPTION'
  /** None of our functions made this answer: it came from a gateway, a proxy, or a server that is not Rivulet at all. */
  | 'GATEWAY_ERROR'
  | 'CREDENTIALS_UNAVAILABLE'
  | 'CLIENT_CLOSED'
  /** The group has committed nothing for a partition, and autoOffsetReset is none. */
  | 'NO_OFFSET_FOR_PARTITION'
  /** A handler worked longer than maxPollIntervalMs, so the consumer has left its group. */
  | 'MAX_POLL_INTERVAL_EXCEEDED'
  /** A serializer has failed, so nothing of the send was written. */
  | 'SERIALIZATION_ERROR'
  /** A deserializer has failed. The error has the place of the record: seek behind it to go on. */
  | 'DESERIALIZATION_ERROR'
  | (string & {});

/** The result of one part of a call: the place of a record, a topic, a group, or an offset. */
export type PartResult = Partial<RecordMetadata> & { readonly groupId?: string };

export type ClientErrorDetails = {
  readonly outcome?: Outcome | undefined;
  readonly retriable?: boolean | undefined;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly topic?: string | undefined;
  readonly groupId?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
  readonly requestId?: string | undefined;
  /** Further members of the problem document: logStartOffset, highWatermark, nextOffset. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  readonly results?: readonly (PartResult | RivuletClientError)[] | undefined;
  readonly cause?: unknown;
};

export class RivuletClientError extends Error {
  readonly errorCode: ClientErrorCode;
  /** On writes, it says what happened to the data. It is undefined on reads. */
  readonly outcome: Outcome | undefined;
  /** The same call may succeed later. The SDK has already retried a retriable error for as long as the options allow. */
  readonly retriable: boolean;
  /** The HTTP status, if an answer came. */
  readonly status: number | undefined;
  /** How long the server asked to wait before the next try. */
  readonly retryAfterMs: number | undefined;
  readonly detail: string;
  readonly topic: string | undefined;
  readonly groupId: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  readonly requestId: string | undefined;
  readonly extra: Readonly<Record<string, unknown>>;
  /**
   * A call about several messages, topics, groups or partitions lists here what happened to each, in their order. Those
   * behind a part that ended the call were not tried, and are not listed. The error describes the first that failed. Its outcome is the one that all share, or `unknown`
   * where they differ.
   */
  readonly results: readonly (PartResult | RivuletClientError)[] | undefined;

  constructor(errorCode: ClientErrorCode, detail: string, details: ClientErrorDetails = {}) {
    super(`${errorCode}: ${detail}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RivuletClientError';
    this.errorCode = errorCode;
    this.detail = detail;
    this.outcome = details.outcome;
    this.retriable = details.retriable ?? false;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.topic = details.topic;
    this.groupId = details.groupId;
    this.partition = details.partition;
    this.offset = details.offset;
    this.requestId = details.requestId;
    this.extra = details.extra ?? {};
    this.results = details.results;
  }

  /** The same error with further details. */
  with(details: ClientErrorDetails): RivuletClientError {
    return new RivuletClientError(this.errorCode, this.detail, { ...this.#details(), ...details });
  }

  #details(): ClientErrorDetails {
    const { outcome, retriable, status, retryAfterMs, requestId, extra, results, cause } = this;
    const { topic, groupId, partition, offset } = this;
    const place = { topic, groupId, partition, offset };
    return { outcome, retriable, status, retryAfterMs, requestId, extra, results, cause, ...place };
  }
}

export function isClientError(error: unknown): error is RivuletClientError {
  return error instanceof RivuletClientError;
}

/** The error of a call in which at least one part failed. It describes the first failure, unless another one is given. */
export function errorOfParts(
  results: readonly (PartResult | RivuletClientError)[],
  described = results.find(isClientError)!,
): RivuletClientError {
  const outcomes = new Set(results.map((one) => (isClientError(one) ? one.outcome : 'written')));
  const differ = described.outcome !== undefined && outcomes.size > 1;
  return described.with({ results, outcome: differ ? 'unknown' : described.outcome });
}

/** The caller gave a value that cannot be used. */
export function invalid(detail: string, details: ClientErrorDetails = {}): RivuletClientError {
  return new RivuletClientError('INVALID_REQUEST', detail, details);
}

export function closedError(what: string): RivuletClientError {
  const detail = `the ${what} is disconnected: call connect() to use it again`;
  return new RivuletClientError('CLIENT_CLOSED', detail, { outcome: 'not-written' });
}

type Members = Readonly<Record<string, unknown>>;

/** Reads a problem document (RFC 9457), whole or inside a result. Returns undefined when it is not one of ours. */
export function errorOfProblem(problem: unknown, details: ClientErrorDetails = {}): RivuletClientError | undefined {
  if (typeof problem !== 'object' || problem === null) return undefined;
  const { type, title, status, detail, errorCode, kafkaErrorCode, retriable, outcome, requestId, ...extra } =
    problem as Members;
  if (typeof errorCode !== 'string') return undefined;
  return new RivuletClientError(
    errorCode,
    typeof detail === 'string' ? detail : String(title ?? type ?? kafkaErrorCode),
    {
      ...details,
      status: typeof status === 'number' ? status : details.status,
      retriable: retriable === true,
      outcome: isOutcome(outcome) ? outcome : undefined,
      requestId: typeof requestId === 'string' ? requestId : details.requestId,
      extra,
    },
  );
}

function isOutcome(value: unknown): value is Outcome {
  return value === 'not-written' || value === 'written' || value === 'unknown';
}

/** Adds the outcome to a write's problem that states none: a request that was refused as wrong was not carried out. */
export function withOutcome(error: RivuletClientError): RivuletClientError {
  if (error.outcome !== undefined) return error;
  return error.with({ outcome: (error.status ?? 500) < 500 ? 'not-written' : 'unknown' });
}

/** Gateways send these statuses before a function runs. With any other status the function may have run. */
const refusedBeforeUs: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 414, 415, 429, 431]);

/**
 * The error of an answer that is not ours. `writes` says whether the request may have changed anything. API Gateway answers
 * 429 above its own rate, and 503 above the concurrency of a function. For a read, both mean too many requests at a time.
 */
export function errorOfGateway(status: number, text: string, writes: boolean): RivuletClientError {
  const outcome = refusedBeforeUs.has(status) ? 'not-written' : 'unknown';
  return new RivuletClientError(
    gatewayCode(status, writes),
    `HTTP ${status} without a problem document: ${text.slice(0, 500)}`,
    {
      status,
      retriable: status === 429 || status >= 500,
      outcome: writes ? outcome : undefined,
    },
  );
}

function gatewayCode(status: number, writes: boolean): ClientErrorCode {
  if (status === 401 || status === 403) return 'FORBIDDEN';
  return status === 429 || (status === 503 && !writes) ? 'THROTTLED' : 'GATEWAY_ERROR';
}

/** Binary replies carry only Kafka's number. Where several of our codes share a number, it means the retriable one. */
export function errorOfKafkaCode(code: number, details: ClientErrorDetails): RivuletClientError {
  const names = Object.keys(catalogue) as ErrorCode[];
  const shared = names.filter((name) => catalogue[name].kafkaErrorCode === code && code !== -1);
  const name = shared.find((candidate) => catalogue[candidate].retriable) ?? shared[0] ?? 'UNKNOWN_SERVER_ERROR';
  const { retriable } = catalogue[name];
  return new RivuletClientError(name, `the service answered with Kafka's error ${code}`, { ...details, retriable });
}
