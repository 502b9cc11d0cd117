// The errors that programs know from KafkaJS, and which of them an error of the SDK becomes.
//
// Invariant: whatever a call of this folder throws is a KafkaJSError, or what the program itself has thrown. `cause` is the
// error of the SDK, with what is known of the data in `cause.outcome`.
import { catalogue } from '../../lib/api/errors.ts';
import { isClientError, type RivuletClientError } from '../client-error.ts';

type Details = { readonly retriable?: boolean | undefined; readonly cause?: unknown };
type Protocol = {
  readonly message: string;
  readonly type: string;
  readonly code: number;
  readonly retriable?: boolean;
};

export class KafkaJSError extends Error {
  readonly retriable: boolean;
  readonly helpUrl: string | undefined = undefined;

  constructor(error: Error | string, { retriable = true, cause }: Details = {}) {
    super(typeof error === 'string' ? error : error.message, cause === undefined ? {} : { cause });
    this.name = new.target.name;
    this.retriable = retriable;
  }
}

export class KafkaJSNonRetriableError extends KafkaJSError {
  constructor(error: Error | string, { cause }: Details = {}) {
    super(error, { retriable: false, cause });
  }
}

/** `type` is Kafka's name of the error, like UNKNOWN_TOPIC_OR_PARTITION, and `code` its number. */
export class KafkaJSProtocolError extends KafkaJSError {
  readonly type: string;
  readonly code: number;

  constructor(error: Protocol, { retriable = error.retriable ?? false, cause }: Details = {}) {
    super(error.message, { retriable, cause });
    this.type = error.type;
    this.code = error.code;
  }
}

export class KafkaJSOffsetOutOfRange extends KafkaJSProtocolError {
  readonly topic: string | undefined;
  readonly partition: number | undefined;

  constructor(
    error: Protocol,
    { topic, partition, ...details }: Details & { topic?: string | undefined; partition?: number | undefined },
  ) {
    super(error, details);
    this.topic = topic;
    this.partition = partition;
  }
}

export class KafkaJSCreateTopicError extends KafkaJSProtocolError {
  readonly topic: string;

  constructor(error: Protocol, topic: string, details: Details = {}) {
    super(error, details);
    this.topic = topic;
  }
}

/** The SDK has tried again for as long as its options allow. */
export class KafkaJSNumberOfRetriesExceeded extends KafkaJSNonRetriableError {
  readonly retryCount: number;
  readonly retryTime: number;

  constructor(error: Error, { retryCount, retryTime }: { readonly retryCount: number; readonly retryTime: number }) {
    super(error, { cause: error });
    this.retryCount = retryCount;
    this.retryTime = retryTime;
  }
}

export class KafkaJSConnectionError extends KafkaJSError {
  readonly broker: string | undefined;
  readonly code: string | undefined;

  constructor(error: Error | string, { broker, code, ...details }: Details & { broker?: string; code?: string } = {}) {
    super(error, details);
    this.broker = broker;
    this.code = code;
  }
}

export class KafkaJSRequestTimeoutError extends KafkaJSError {}
export class KafkaJSTimeout extends KafkaJSNonRetriableError {}
export class KafkaJSSASLAuthenticationError extends KafkaJSNonRetriableError {}
export class KafkaJSNotImplemented extends KafkaJSNonRetriableError {}

/** Some messages were sent and others were not: `errors` has the error of each that was not. */
export class KafkaJSAggregateError extends Error {
  readonly errors: readonly Error[];

  constructor(message: string, errors: readonly Error[]) {
    super(message);
    this.name = 'KafkaJSAggregateError';
    this.errors = errors;
  }
}

export type FailedGroup = { readonly groupId: string; readonly errorCode: number; readonly error: KafkaJSError };

export class KafkaJSDeleteGroupsError extends KafkaJSError {
  readonly groups: readonly FailedGroup[];

  constructor(error: Error | string, groups: readonly FailedGroup[] = []) {
    super(error);
    this.groups = groups;
  }
}

type FailedPartition = { readonly partition: number; readonly offset: string; readonly error: KafkaJSError };

export class KafkaJSDeleteTopicRecordsError extends KafkaJSError {
  readonly partitions: readonly FailedPartition[];

  constructor({ partitions }: { readonly partitions: readonly FailedPartition[] }) {
    super('Error while deleting records', { retriable: partitions.every(({ error }) => error.retriable) });
    this.partitions = partitions;
  }
}

/** Returns what a program's `catch` gets for an error of the SDK. An error of the program itself stays what it is. */
export function kafkaJsError(error: unknown): unknown {
  return isClientError(error) ? converted(error) : error;
}

/** For calls that throw nothing but errors of the SDK. */
export function converted(error: RivuletClientError): KafkaJSError {
  const { errorCode, detail: message, retriable, topic, partition } = error;
  const details = { cause: error, retriable };
  if (errorCode === 'NETWORK_EXCEPTION' || errorCode === 'GATEWAY_ERROR')
    return new KafkaJSConnectionError(message, details);
  if (errorCode === 'CREDENTIALS_UNAVAILABLE') return new KafkaJSSASLAuthenticationError(message, details);
  if (errorCode === 'REQUEST_TIMED_OUT') return new KafkaJSRequestTimeoutError(message, details);
  if (!Object.hasOwn(catalogue, errorCode) || error.status === undefined) return unsent(error);
  const protocol = { message, type: errorCode, code: codeOf(errorCode), retriable };
  if (errorCode === 'OFFSET_OUT_OF_RANGE')
    return new KafkaJSOffsetOutOfRange(protocol, { ...details, topic, partition });
  return new KafkaJSProtocolError(protocol, details);
}

/** An error that the client found by itself. Those that Kafka has a number for keep it. */
function unsent(error: RivuletClientError): KafkaJSError {
  const { errorCode: type, detail: message, retriable } = error;
  const code = codeOf(type);
  if (type === 'INVALID_REQUEST' || code === -1) return new KafkaJSNonRetriableError(message, { cause: error });
  return new KafkaJSProtocolError({ message, type, code, retriable }, { cause: error });
}

const codeOf = (name: string): number =>
  Object.hasOwn(catalogue, name) ? catalogue[name as keyof typeof catalogue].kafkaErrorCode : -1;

/** Runs a call of the SDK, and converts its error. */
export async function converting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw kafkaJsError(error);
  }
}
