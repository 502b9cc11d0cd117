// A frame is one request or one reply: four bytes of length, a header, a message. The header of a request says which
// message follows, and in which version.
import { isWithin, messageRow, messageRows } from '../schema/table.ts';
import { codecOf } from './compile.ts';
import { MalformedFrameError } from './malformed-frame.ts';
import { FrameReader } from './reader.ts';
import { FrameWriter } from './writer.ts';

export const lengthPrefixBytes = 4;

export type RequestHeader = {
  readonly apiKey: number;
  readonly version: number;
  readonly correlationId: number;
  /** Null if the client has no name. */
  readonly clientId: string | null;
};

/** These come first in every header, whatever its version. */
export function peekHeader(frame: Uint8Array): Pick<RequestHeader, 'apiKey' | 'version' | 'correlationId'> {
  const reader = new FrameReader(frame);
  return { apiKey: reader.int16(), version: reader.int16(), correlationId: reader.int32() };
}

type ReadRequest = {
  readonly header: RequestHeader;
  readonly message: unknown;
  /** How many elements its lists have together. */
  readonly elements: number;
};

/**
 * Throws MalformedFrameError unless the frame begins with one whole request. Bytes after it are ignored, as in Apache Kafka:
 * librdkafka 2.15 sends three zeros too many when it asks for the metadata of all topics.
 */
export function readRequest(frame: Uint8Array): ReadRequest {
  const reader = new FrameReader(frame);
  const { apiKey, version } = peekHeader(frame);
  const name = nameOfApi(apiKey);
  const header = codecOf('RequestHeader', isFlexible(`${name}Request`, version) ? 2 : 1).read(reader) as {
    correlationId: number;
    clientId: string | null;
  };
  const message = codecOf(`${name}Request`, version).read(reader);
  return {
    header: { apiKey, version, correlationId: header.correlationId, clientId: header.clientId },
    message,
    elements: reader.elements,
  };
}

const apiVersionsKey = 18;

/** In pieces, of which records are views. The first one begins with the length of all. */
export function replyFrame({ apiKey, version, correlationId }: Omit<RequestHeader, 'clientId'>, reply: object) {
  const name = nameOfApi(apiKey);
  const writer = new FrameWriter();
  // A client reads the header of this reply before it knows which versions the server speaks.
  const headerVersion = apiKey !== apiVersionsKey && isFlexible(`${name}Response`, version) ? 1 : 0;
  codecOf('ResponseHeader', headerVersion).write(writer, { correlationId });
  codecOf(`${name}Response`, version).write(writer, reply);
  const prefix = Buffer.alloc(lengthPrefixBytes);
  prefix.writeInt32BE(writer.length);
  return [prefix, ...writer.finish()];
}

const names = new Map(
  messageRows.flatMap(({ key, name }) =>
    key !== undefined && name.endsWith('Request') ? [[key, name.replace(/Request$/, '')] as const] : [],
  ),
);

export function nameOfApi(apiKey: number): string {
  const name = names.get(apiKey);
  if (name === undefined) throw new MalformedFrameError(`api key: expected a key of Kafka's protocol, got ${apiKey}`);
  return name;
}

const isFlexible = (message: string, version: number): boolean => isWithin(version, messageRow(message).flexible);
