// How the AWS clients connect: shared by the S3 and the DynamoDB adapter.
// One request of the SDK is one try on the wire (maxAttempts 1): after a lost reply the SDK would resend by itself, and
// nobody could tell a failed condition from one that our own first try had made false. Retries live in retry.ts.
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

export type AwsConnection = {
  /** Default: what the SDK finds (in Lambda AWS_REGION). */
  readonly region?: string;
  /** Another address than the region's: an emulator, a VPC endpoint. */
  readonly endpoint?: string;
  /** Default: the SDK's chain. */
  readonly credentials?: NonNullable<DynamoDBClientConfig['credentials']>;
  /** How long one try may take, ms, instead of each adapter's own bound: emulators are slow. */
  readonly tryMs?: number;
  /** Instead of the sockets: tests put faults on the wire here. */
  readonly requestHandler?: NonNullable<DynamoDBClientConfig['requestHandler']>;
};

/** A handshake within a region takes milliseconds; a lost SYN is sent again by the kernel after one second. */
const CONNECT_MS = 1_500;
/** More than the requests one process has under way at once; a queue for sockets would count as a slow service. */
const MOST_SOCKETS = 256;

export function clientSettings({ tryMs: given, ...connection }: AwsConnection, adapterTryMs: number) {
  const tryMs = given ?? adapterTryMs;
  const agent = { keepAlive: true, maxSockets: MOST_SOCKETS };
  const sockets = {
    connectionTimeout: CONNECT_MS,
    /** Until the head of the reply; without the flag the SDK would only warn. */
    requestTimeout: tryMs,
    throwOnRequestTimeout: true,
    /** A body that stops arriving. */
    socketTimeout: tryMs,
    httpAgent: agent,
    httpsAgent: agent,
  };
  return { requestHandler: sockets, ...connection, maxAttempts: 1 };
}
