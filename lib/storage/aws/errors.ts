// Translates errors of the AWS SDK to errors of the port. The question that matters for the data is whether the request may
// have acted. In doubt the answer is yes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
import { StorageError, type StorageReason } from '../storage-error.ts';

type SdkError = {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
  readonly $response?: unknown;
};

const reasonOfName = {
  TransactionConflictException: 'conflict',
  TransactionInProgressException: 'conflict',
  ReplicatedWriteConflictException: 'conflict',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  // S3 did not get the whole body in time. The status is 400, but the cause is the network.
  RequestTimeout: 'no-answer',
  // DynamoDB answers all of the following with status 400.
  AccessDeniedException: 'denied',
  ExpiredTokenException: 'denied',
  IncompleteSignatureException: 'denied',
  InvalidSignatureException: 'denied',
  MissingAuthenticationTokenException: 'denied',
  ResourceNotFoundException: 'denied',
  UnrecognizedClientException: 'denied',
  ExpiredToken: 'denied',
  InvalidToken: 'denied',
  NoSuchBucket: 'denied',
  // The SDK raises this before it sends anything.
  CredentialsProviderError: 'denied',
} as const satisfies Record<string, StorageReason>;

const throttled = /Throttl|SlowDown|LimitExceeded|ThroughputExceeded|TooManyRequests/;
/** With these codes there never was a connection, so nothing was sent. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** `doing` names the request for the reader of the message. */
export function storageErrorOf(thrown: unknown, doing: string): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const error = thrown as SdkError;
  const message = `${doing}: ${error.name ?? 'Error'}: ${error.message ?? String(thrown)}`;
  // The service refused the signature because of our clock, and the SDK has corrected its clock by the reply. The next try
  // will be signed with the right time.
  if (error.$metadata?.clockSkewCorrected) {
    return new StorageError('unavailable', message, { cause: thrown, mayHaveActed: false });
  }
  const reason = reasonOf(error);
  const mayHaveActed = { mayHaveActed: false };
  return new StorageError(reason, message, { cause: thrown, ...(neverSent.has(error.code ?? '') && mayHaveActed) });
}

function reasonOf(error: SdkError): StorageReason {
  const name = error.name ?? '';
  if (Object.hasOwn(reasonOfName, name)) return reasonOfName[name as keyof typeof reasonOfName];
  if (throttled.test(name)) return 'throttled';
  const status = error.$metadata?.httpStatusCode;
  return status === undefined ? withoutStatus(error) : reasonOfStatus(status);
}

function reasonOfStatus(status: number): StorageReason {
  // The answer reports success but cannot be read.
  if (status < 300) return 'no-answer';
  if (status >= 500) return 'unavailable';
  if (status === 429) return 'throttled';
  if (status === 409) return 'conflict';
  // 301 means that the bucket is in another region, 404 that it does not exist.
  return status < 400 || [401, 403, 404].includes(status) ? 'denied' : 'invalid';
}

/** The connection broke, unless the SDK itself refused the request before it was sent. */
function withoutStatus(error: SdkError): StorageReason {
  const fromNetwork = error.code !== undefined || error.$response !== undefined;
  return fromNetwork || error.name === 'TimeoutError' || error.name === 'AbortError' ? 'no-answer' : 'invalid';
}
