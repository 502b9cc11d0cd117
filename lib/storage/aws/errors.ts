// What an error of the AWS SDK means to the port. The one question that matters for the data is whether the request may
// have acted: when in doubt, yes.
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
  // S3 waited for the body in vain: status 400, but a matter of the network.
  RequestTimeout: 'no-answer',
  // DynamoDB answers all of these with 400.
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
  // Raised before anything is sent.
  CredentialsProviderError: 'denied',
} as const satisfies Record<string, StorageReason>;

const throttled = /Throttl|SlowDown|LimitExceeded|ThroughputExceeded|TooManyRequests/;
/** The connection was never there, so nothing was sent. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** `doing` names the request for whoever reads the message. */
export function storageErrorOf(thrown: unknown, doing: string): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const error = thrown as SdkError;
  const message = `${doing}: ${error.name ?? 'Error'}: ${error.message ?? String(thrown)}`;
  // The SDK has just set its clock by the service's, which had refused the signature: the next try is signed right.
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
  // An answer that says yes and cannot be read.
  if (status < 300) return 'no-answer';
  if (status >= 500) return 'unavailable';
  if (status === 429) return 'throttled';
  if (status === 409) return 'conflict';
  // 301: the bucket is in another region. 404: it is nowhere.
  return status < 400 || [401, 403, 404].includes(status) ? 'denied' : 'invalid';
}

/** The connection broke, unless the SDK itself refused the request before it was sent. */
function withoutStatus(error: SdkError): StorageReason {
  const fromNetwork = error.code !== undefined || error.$response !== undefined;
  return fromNetwork || error.name === 'TimeoutError' || error.name === 'AbortError' ? 'no-answer' : 'invalid';
}
