// The connection settings of the AWS clients. The S3 and the DynamoDB adapter share them.
// One request of the SDK is one try on the wire (maxAttempts 1). Otherwise the SDK would resend after a lost reply, and we
// could not tell a condition that failed from one that our own first try made false. Retries are in ../retry.ts.
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

export type AwsConnection = {
  /** Default: the region that the SDK finds (in Lambda, AWS_REGION). */
  readonly region?: string;
  /** An address other than the region's: an emulator or a VPC endpoint. */
  readonly endpoint?: string;
  /** Default: the SDK's chain of credential providers. */
  readonly credentials?: NonNullable<DynamoDBClientConfig['credentials']>;
  /** How long one try may take, in ms, instead of each adapter's own bound. Emulators are slow. */
  readonly tryMs?: number;
  /** Replaces the sockets. Tests put faults on the wire here. */
  readonly requestHandler?: NonNullable<DynamoDBClientConfig['requestHandler']>;
};

type ClientSettings = Omit<AwsConnection, 'tryMs' | 'requestHandler'> & {
  readonly requestHandler: NonNullable<AwsConnection['requestHandler']>;
  readonly maxAttempts: number;
};

/** A handshake within a region takes milliseconds. The kernel sends a lost SYN again after one second. */
const CONNECT_MS = 1_500;
/** This is more than the parallel requests of a process, because time in a queue for sockets would count as a slow service. */
const MOST_SOCKETS = 256;

/** `silence: 'any'`: only the bound of each request counts. An upload is silent after its last byte, for as long as S3 stores it. */
export function clientSettings(
  { tryMs: given, ...connection }: AwsConnection,
  adapterTryMs: number,
  { silence = 'short' }: { readonly silence?: 'short' | 'any' } = {},
): ClientSettings {
  const tryMs = given ?? adapterTryMs;
  const agent = { keepAlive: true, maxSockets: MOST_SOCKETS };
  const sockets = {
    connectionTimeout: CONNECT_MS,
    /** The time until the head of the reply. Without the flag below the SDK would only warn. */
    requestTimeout: tryMs,
    throwOnRequestTimeout: true,
    /** The bound for a body that stops arriving. */
    socketTimeout: silence === 'short' ? tryMs : 0,
    httpAgent: agent,
    httpsAgent: agent,
  };
  return { requestHandler: sockets, ...connection, maxAttempts: 1 };
}
