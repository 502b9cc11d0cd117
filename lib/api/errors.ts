// The one catalogue of errors. It has Kafka's names and numbers where Kafka has the error, and our own names where it
// does not.
// https://kafka.apache.org/protocol#protocol_error_codes

type CatalogueEntry = {
  /** Kafka's number; -1 for an error that Kafka does not have. */
  readonly kafkaErrorCode: number;
  readonly status: number;
  /** The same request may succeed later. */
  readonly retriable: boolean;
  readonly title: string;
};

export const catalogue = {
  // --- errors that a client causes
  INVALID_REQUEST: { kafkaErrorCode: 42, status: 400, retriable: false, title: 'The request is malformed' },
  CORRUPT_MESSAGE: { kafkaErrorCode: 2, status: 400, retriable: false, title: 'A record batch failed its checks' },
  INVALID_RECORD: { kafkaErrorCode: 87, status: 400, retriable: false, title: 'A record was refused' },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: {
    kafkaErrorCode: 43,
    status: 400,
    retriable: false,
    title: 'The message format is not supported',
  },
  UNSUPPORTED_COMPRESSION_TYPE: {
    kafkaErrorCode: 76,
    status: 400,
    retriable: false,
    title: 'The compression type is not supported',
  },
  INVALID_TIMESTAMP: { kafkaErrorCode: 32, status: 400, retriable: false, title: 'A timestamp is out of range' },
  MESSAGE_TOO_LARGE: {
    kafkaErrorCode: 10,
    status: 413,
    retriable: false,
    title: 'A record batch is larger than the topic allows',
  },
  INVALID_TOPIC_EXCEPTION: { kafkaErrorCode: 17, status: 400, retriable: false, title: 'The topic name is not valid' },
  INVALID_PARTITIONS: {
    kafkaErrorCode: 37,
    status: 400,
    retriable: false,
    title: 'The number of partitions is not valid',
  },
  INVALID_CONFIG: { kafkaErrorCode: 40, status: 400, retriable: false, title: 'A configuration value is not valid' },
  TOPIC_ALREADY_EXISTS: { kafkaErrorCode: 36, status: 409, retriable: false, title: 'The topic already exists' },
  UNKNOWN_TOPIC_OR_PARTITION: {
    kafkaErrorCode: 3,
    status: 404,
    retriable: false,
    title: 'There is no such topic or partition',
  },
  INCONSISTENT_TOPIC_ID: {
    kafkaErrorCode: 103,
    status: 409,
    retriable: false,
    title: 'The topic was deleted and re-created',
  },
  OFFSET_OUT_OF_RANGE: { kafkaErrorCode: 1, status: 416, retriable: false, title: 'The offset is outside the log' },
  POLICY_VIOLATION: {
    kafkaErrorCode: 44,
    status: 409,
    retriable: false,
    title: "The topic's policy does not allow it",
  },
  OUT_OF_ORDER_SEQUENCE_NUMBER: {
    kafkaErrorCode: 45,
    status: 409,
    retriable: true,
    title: 'A batch arrived before its predecessor',
  },
  DUPLICATE_SEQUENCE_NUMBER: {
    kafkaErrorCode: 46,
    status: 409,
    retriable: false,
    title: 'The batch was written long ago',
  },
  INVALID_PRODUCER_EPOCH: {
    kafkaErrorCode: 47,
    status: 409,
    retriable: false,
    title: 'The producer may not write this',
  },
  UNKNOWN_PRODUCER_ID: {
    kafkaErrorCode: 59,
    status: 409,
    retriable: false,
    title: 'The producer has no history in this partition',
  },
  UNEXPECTED_OFFSET: {
    kafkaErrorCode: -1,
    status: 412,
    retriable: false,
    title: 'The next offset is not the expected one',
  },
  IDEMPOTENCY_KEY_REUSED: {
    kafkaErrorCode: -1,
    status: 409,
    retriable: false,
    title: 'The Idempotency-Key was used with another body',
  },
  // --- errors of groups
  INVALID_GROUP_ID: {
    kafkaErrorCode: 24,
    status: 400,
    retriable: false,
    title: 'The group id is not valid',
  },
  GROUP_ID_NOT_FOUND: {
    kafkaErrorCode: 69,
    status: 404,
    retriable: false,
    title: 'There is no such group',
  },
  NON_EMPTY_GROUP: {
    kafkaErrorCode: 68,
    status: 409,
    retriable: false,
    title: 'The group has members',
  },
  GROUP_SUBSCRIBED_TO_TOPIC: {
    kafkaErrorCode: 86,
    status: 409,
    retriable: false,
    title: 'A member of the group is subscribed to the topic',
  },
  GROUP_MAX_SIZE_REACHED: {
    kafkaErrorCode: 81,
    status: 409,
    retriable: false,
    title: 'The group is full, or has too many topics',
  },
  UNKNOWN_MEMBER_ID: {
    kafkaErrorCode: 25,
    status: 404,
    retriable: false,
    title: 'The group does not know the member',
  },
  FENCED_MEMBER_EPOCH: {
    kafkaErrorCode: 110,
    status: 409,
    retriable: false,
    title: 'The member was fenced and must join again',
  },
  STALE_MEMBER_EPOCH: {
    kafkaErrorCode: 113,
    status: 409,
    retriable: false,
    title: 'The member does not own the partition at this epoch',
  },
  ILLEGAL_GENERATION: {
    kafkaErrorCode: 22,
    status: 409,
    retriable: false,
    title: 'The generation of the member is over',
  },
  INVALID_SESSION_TIMEOUT: {
    kafkaErrorCode: 26,
    status: 400,
    retriable: false,
    title: 'The session timeout is out of range',
  },
  INCONSISTENT_GROUP_PROTOCOL: {
    kafkaErrorCode: 23,
    status: 409,
    retriable: false,
    title: 'The protocols of the member do not fit those of the group',
  },
  REBALANCE_IN_PROGRESS: {
    kafkaErrorCode: 27,
    status: 409,
    retriable: false,
    title: 'The group has a new round: the member must join it',
  },
  UNRELEASED_INSTANCE_ID: {
    kafkaErrorCode: 111,
    status: 409,
    retriable: false,
    title: 'Another member has the instance id',
  },
  FENCED_INSTANCE_ID: {
    kafkaErrorCode: 82,
    status: 409,
    retriable: false,
    title: 'Another member took over the instance id',
  },
  UNSUPPORTED_ASSIGNOR: {
    kafkaErrorCode: 112,
    status: 400,
    retriable: false,
    title: 'There is no such assignor',
  },
  INVALID_REGULAR_EXPRESSION: {
    kafkaErrorCode: 128,
    status: 400,
    retriable: false,
    title: 'The regular expression is not valid',
  },
  OFFSET_METADATA_TOO_LARGE: {
    kafkaErrorCode: 12,
    status: 400,
    retriable: false,
    title: 'The metadata of an offset is too large',
  },
  COORDINATOR_LOAD_IN_PROGRESS: {
    kafkaErrorCode: 14,
    status: 503,
    retriable: true,
    title: 'The group is being changed: send the same heartbeat again',
  },
  COORDINATOR_NOT_AVAILABLE: {
    kafkaErrorCode: 15,
    status: 503,
    retriable: true,
    title: 'The clock of this coordinator cannot be trusted',
  },
  // --- errors of transactions
  TRANSACTIONAL_ID_NOT_FOUND: {
    kafkaErrorCode: 105,
    status: 404,
    retriable: false,
    title: 'There is no such transactional id',
  },
  INVALID_TXN_STATE: {
    kafkaErrorCode: 48,
    status: 409,
    retriable: false,
    title: 'The transaction is not open',
  },
  INVALID_TRANSACTION_TIMEOUT: {
    kafkaErrorCode: 50,
    status: 400,
    retriable: false,
    title: 'The time-out of the transactions is out of range',
  },
  PRODUCER_FENCED: {
    kafkaErrorCode: 90,
    status: 409,
    retriable: false,
    title: 'This is not the newest instance of the transactional id',
  },
  CONCURRENT_TRANSACTIONS: {
    kafkaErrorCode: 51,
    status: 503,
    retriable: true,
    title: 'The transaction is being changed: send the same request again',
  },
  // --- errors of subscriptions
  SUBSCRIPTION_NOT_FOUND: {
    kafkaErrorCode: -1,
    status: 404,
    retriable: false,
    title: 'The group has no subscription to the topic',
  },
  SUBSCRIPTION_ALREADY_EXISTS: {
    kafkaErrorCode: -1,
    status: 409,
    retriable: false,
    title: 'The group has another subscription',
  },
  // --- errors of the HTTP API
  NOT_FOUND: { kafkaErrorCode: -1, status: 404, retriable: false, title: 'There is no such resource' },
  METHOD_NOT_ALLOWED: {
    kafkaErrorCode: -1,
    status: 405,
    retriable: false,
    title: 'The resource does not support this method',
  },
  NOT_ACCEPTABLE: {
    kafkaErrorCode: -1,
    status: 406,
    retriable: false,
    title: 'The requested media type is not available',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    kafkaErrorCode: -1,
    status: 415,
    retriable: false,
    title: 'The content type is not supported',
  },
  BODY_TOO_LARGE: { kafkaErrorCode: -1, status: 413, retriable: false, title: 'The request body is too large' },
  HEADERS_TOO_LARGE: {
    kafkaErrorCode: -1,
    status: 431,
    retriable: false,
    title: 'The request line and headers are too large',
  },
  FORBIDDEN: {
    kafkaErrorCode: 29,
    status: 403,
    retriable: false,
    title: 'The signature or the permission is missing or wrong',
  },
  // --- errors that the service causes
  THROTTLED: { kafkaErrorCode: 89, status: 429, retriable: true, title: 'Too many requests' },
  STORAGE_UNAVAILABLE: {
    kafkaErrorCode: 56,
    status: 503,
    retriable: true,
    title: 'The storage did not take the request',
  },
  // An ambiguous write gets this error, never UNKNOWN_SERVER_ERROR: on that one, clients corrupt their sequences.
  REQUEST_TIMED_OUT: { kafkaErrorCode: 7, status: 504, retriable: true, title: 'The storage did not answer in time' },
  CORRUPT_LOG: { kafkaErrorCode: 56, status: 500, retriable: false, title: 'Stored data is damaged or missing' },
  UNKNOWN_SERVER_ERROR: {
    kafkaErrorCode: -1,
    status: 500,
    retriable: false,
    title: 'Something failed that should not',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

/** Says what a failed write did to the data. */
export type Outcome = 'not-written' | 'written' | 'unknown';

/** A record that is a reason of INVALID_RECORD, by its index among the records of its partition in the request. */
export type RefusedRecord = { readonly index: number; readonly reason: string };

type ErrorOptions = {
  readonly outcome?: Outcome;
  readonly extra?: Record<string, string | number>;
  readonly records?: readonly RefusedRecord[];
  readonly cause?: unknown;
};

/**
 * This is the only error that leaves the engine. `extra` goes into the problem document beside the standard members.
 * `records` may be empty, and names at most `limits.namedRecords`.
 */
export class RivuletError extends Error {
  readonly errorCode: ErrorCode;
  readonly outcome: Outcome | undefined;
  readonly extra: Readonly<Record<string, string | number>>;
  readonly records: readonly RefusedRecord[];

  constructor(errorCode: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RivuletError';
    this.errorCode = errorCode;
    this.outcome = options.outcome;
    this.extra = options.extra ?? {};
    this.records = options.records ?? [];
  }

  get status(): number {
    return catalogue[this.errorCode].status;
  }

  get retriable(): boolean {
    return catalogue[this.errorCode].retriable;
  }
}
