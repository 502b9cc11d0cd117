// The one catalogue of errors. It has Kafka's names and numbers where Kafka has the error, and our own names where it
// does not.
// https://kafka.apache.org/protocol#protocol_error_codes

type CatalogueEntry = {
  /** Kafka's number; -1 for an error that Kafka does not have. */
  readonly kafkaErrorCode: number;
  readonly status: number;
  /** The same request may succeed later. */
  readonly retriable: boolean;
};

export const catalogue = {
  // --- errors that a client causes
  INVALID_REQUEST: { kafkaErrorCode: 42, status: 400, retriable: false },
  CORRUPT_MESSAGE: { kafkaErrorCode: 2, status: 400, retriable: false },
  INVALID_RECORD: { kafkaErrorCode: 87, status: 400, retriable: false },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: { kafkaErrorCode: 43, status: 400, retriable: false },
  UNSUPPORTED_COMPRESSION_TYPE: { kafkaErrorCode: 76, status: 400, retriable: false },
  INVALID_TIMESTAMP: { kafkaErrorCode: 32, status: 400, retriable: false },
  MESSAGE_TOO_LARGE: { kafkaErrorCode: 10, status: 413, retriable: false },
  INVALID_TOPIC_EXCEPTION: { kafkaErrorCode: 17, status: 400, retriable: false },
  INVALID_PARTITIONS: { kafkaErrorCode: 37, status: 400, retriable: false },
  INVALID_CONFIG: { kafkaErrorCode: 40, status: 400, retriable: false },
  TOPIC_ALREADY_EXISTS: { kafkaErrorCode: 36, status: 409, retriable: false },
  UNKNOWN_TOPIC_OR_PARTITION: { kafkaErrorCode: 3, status: 404, retriable: false },
  INCONSISTENT_TOPIC_ID: { kafkaErrorCode: 103, status: 409, retriable: false },
  OFFSET_OUT_OF_RANGE: { kafkaErrorCode: 1, status: 416, retriable: false },
  POLICY_VIOLATION: { kafkaErrorCode: 44, status: 409, retriable: false },
  OUT_OF_ORDER_SEQUENCE_NUMBER: { kafkaErrorCode: 45, status: 409, retriable: true },
  DUPLICATE_SEQUENCE_NUMBER: { kafkaErrorCode: 46, status: 409, retriable: false },
  INVALID_PRODUCER_EPOCH: { kafkaErrorCode: 47, status: 409, retriable: false },
  UNKNOWN_PRODUCER_ID: { kafkaErrorCode: 59, status: 409, retriable: false },
  UNEXPECTED_OFFSET: { kafkaErrorCode: -1, status: 412, retriable: false },
  IDEMPOTENCY_KEY_REUSED: { kafkaErrorCode: -1, status: 409, retriable: false },
  // --- errors of groups
  INVALID_GROUP_ID: { kafkaErrorCode: 24, status: 400, retriable: false },
  GROUP_ID_NOT_FOUND: { kafkaErrorCode: 69, status: 404, retriable: false },
  NON_EMPTY_GROUP: { kafkaErrorCode: 68, status: 409, retriable: false },
  GROUP_SUBSCRIBED_TO_TOPIC: { kafkaErrorCode: 86, status: 409, retriable: false },
  GROUP_MAX_SIZE_REACHED: { kafkaErrorCode: 81, status: 409, retriable: false },
  UNKNOWN_MEMBER_ID: { kafkaErrorCode: 25, status: 404, retriable: false },
  FENCED_MEMBER_EPOCH: { kafkaErrorCode: 110, status: 409, retriable: false },
  STALE_MEMBER_EPOCH: { kafkaErrorCode: 113, status: 409, retriable: false },
  ILLEGAL_GENERATION: { kafkaErrorCode: 22, status: 409, retriable: false },
  INVALID_SESSION_TIMEOUT: { kafkaErrorCode: 26, status: 400, retriable: false },
  INCONSISTENT_GROUP_PROTOCOL: { kafkaErrorCode: 23, status: 409, retriable: false },
  REBALANCE_IN_PROGRESS: { kafkaErrorCode: 27, status: 409, retriable: false },
  UNRELEASED_INSTANCE_ID: { kafkaErrorCode: 111, status: 409, retriable: false },
  FENCED_INSTANCE_ID: { kafkaErrorCode: 82, status: 409, retriable: false },
  UNSUPPORTED_ASSIGNOR: { kafkaErrorCode: 112, status: 400, retriable: false },
  INVALID_REGULAR_EXPRESSION: { kafkaErrorCode: 128, status: 400, retriable: false },
  OFFSET_METADATA_TOO_LARGE: { kafkaErrorCode: 12, status: 400, retriable: false },
  COORDINATOR_LOAD_IN_PROGRESS: { kafkaErrorCode: 14, status: 503, retriable: true },
  COORDINATOR_NOT_AVAILABLE: { kafkaErrorCode: 15, status: 503, retriable: true },
  // --- errors of transactions
  TRANSACTIONAL_ID_NOT_FOUND: { kafkaErrorCode: 105, status: 404, retriable: false },
  INVALID_TXN_STATE: { kafkaErrorCode: 48, status: 409, retriable: false },
  INVALID_TRANSACTION_TIMEOUT: { kafkaErrorCode: 50, status: 400, retriable: false },
  PRODUCER_FENCED: { kafkaErrorCode: 90, status: 409, retriable: false },
  CONCURRENT_TRANSACTIONS: { kafkaErrorCode: 51, status: 503, retriable: true },
  // --- errors of subscriptions
  SUBSCRIPTION_NOT_FOUND: { kafkaErrorCode: -1, status: 404, retriable: false },
  SUBSCRIPTION_ALREADY_EXISTS: { kafkaErrorCode: -1, status: 409, retriable: false },
  // --- errors of the HTTP API
  NOT_FOUND: { kafkaErrorCode: -1, status: 404, retriable: false },
  METHOD_NOT_ALLOWED: { kafkaErrorCode: -1, status: 405, retriable: false },
  NOT_ACCEPTABLE: { kafkaErrorCode: -1, status: 406, retriable: false },
  UNSUPPORTED_MEDIA_TYPE: { kafkaErrorCode: -1, status: 415, retriable: false },
  BODY_TOO_LARGE: { kafkaErrorCode: -1, status: 413, retriable: false },
  HEADERS_TOO_LARGE: { kafkaErrorCode: -1, status: 431, retriable: false },
  FORBIDDEN: { kafkaErrorCode: 29, status: 403, retriable: false },
  // --- errors that the service causes
  THROTTLED: { kafkaErrorCode: 89, status: 429, retriable: true },
  STORAGE_UNAVAILABLE: { kafkaErrorCode: 56, status: 503, retriable: true },
  // An ambiguous write gets this error, never UNKNOWN_SERVER_ERROR: on that one, clients corrupt their sequences.
  REQUEST_TIMED_OUT: { kafkaErrorCode: 7, status: 504, retriable: true },
  CORRUPT_LOG: { kafkaErrorCode: 56, status: 500, retriable: false },
  UNKNOWN_SERVER_ERROR: { kafkaErrorCode: -1, status: 500, retriable: false },
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
