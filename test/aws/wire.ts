// Plays the other end of the wire, for the answers that no emulator gives. It replaces only the sockets: the SDK and the
// adapters are real.
import { Readable } from 'node:stream';
import type { AwsConnection } from '../../lib/storage/aws/connection.ts';

export type WireRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** How long the adapter waits for the head of the reply. */
  readonly timeoutMs?: number;
};

/** An Error stands for a connection that broke. */
type WireAnswer =
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  | Error;

export const brokenBy = (code: string) => Object.assign(new Error(`the wire: ${code}`), { code });

/** An error in the form in which DynamoDB answers it. */
export const dynamoDbError = (name: string, fields: object = {}, status = 400): WireAnswer => ({
  status,
  body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: `${name} it is`, ...fields }),
});

/** An error in the form in which S3 answers it. */
export const s3Error = (status: number, code: string): WireAnswer => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} it is</Message></Error>`,
});

/** Gives the answers one after the other, and then repeats the last one. */
export function playWire(...answers: WireAnswer[]): { connection: AwsConnection; requests: WireRequest[] } {
  const requests: WireRequest[] = [];
  const handle = async (request: WireRequest, { requestTimeout }: { requestTimeout?: number } = {}) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!;
    requests.push(Object.assign(request, requestTimeout !== undefined && { timeoutMs: requestTimeout }));
    if (answer instanceof Error) throw answer;
    const { status: statusCode, body = '', headers = {} } = answer;
    return { response: { statusCode, headers, body: Readable.from([Buffer.from(body)]) } };
  };
  const requestHandler = { handle } as unknown as NonNullable<AwsConnection['requestHandler']>;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return { connection: { region: 'us-east-1', credentials, requestHandler }, requests };
}
