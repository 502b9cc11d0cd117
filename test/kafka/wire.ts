// Talks to the Kafka listener over a plain socket, request by request, in any version.
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { codecOf } from '../../kafka/codec/compile.ts';
import { nameOfApi } from '../../kafka/codec/frame.ts';
import { FrameReader } from '../../kafka/codec/reader.ts';
import { isWithin, messageRow } from '../../kafka/schema/table.ts';
import { encoded } from './codec/golden.ts';

/** A reply with the fields that the table has. Tests compare what they look at. */
// biome-ignore lint/suspicious/noExplicitAny: the shape depends on the API and the version
export type AnyReply = any;

export type Wire = {
  readonly socket: Socket;
  /** Sends a request, and resolves with its reply. Rejects if the connection closes before. */
  ask(apiKey: number, version: number, message?: object): Promise<AnyReply>;
  /** Sends a request for which no reply comes. */
  tell(apiKey: number, version: number, message?: object): void;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  close(): void;
};

type Waiting = {
  readonly apiKey: number;
  readonly version: number;
  readonly correlationId: number;
  resolve(reply: AnyReply): void;
  reject(error: Error): void;
};

/** @param tls over TLS, on these terms. */
export async function openWire(port: number, tls?: ConnectionOptions): Promise<Wire> {
  const socket = tls ? connectTls({ port, host: '127.0.0.1', ...tls }) : connect(port, '127.0.0.1');
  const waiting: Waiting[] = [];
  let rest = Buffer.alloc(0);
  let correlationId = 0;
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void closed.then(() => {
    for (const { reject } of waiting.splice(0)) reject(new Error('the connection was closed'));
  });
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE()) {
      const end = 4 + rest.readInt32BE();
      const next = waiting.shift();
      next?.resolve(replyIn(rest.subarray(4, end), next));
      rest = rest.subarray(end);
    }
  });
  await Promise.race([new Promise((resolve) => socket.once(tls ? 'secureConnect' : 'connect', resolve)), closed]);
  const tell: Wire['tell'] = (apiKey, version, message = {}) =>
    void socket.write(requestFrame({ apiKey, version, correlationId: correlationId++ }, message));
  return {
    socket,
    closed,
    tell,
    ask: (apiKey, version, message) =>
      new Promise((resolve, reject) => {
        waiting.push({ apiKey, version, correlationId, resolve, reject });
        tell(apiKey, version, message);
      }),
    close: () => socket.destroy(),
  };
}

type Head = { readonly apiKey: number; readonly version: number; readonly correlationId: number };

export function requestFrame({ apiKey, version, correlationId }: Head, message: object): Buffer {
  const name = `${nameOfApi(apiKey)}Request`;
  const header = { requestApiKey: apiKey, requestApiVersion: version, correlationId, clientId: 'test' };
  const parts = [encoded('RequestHeader', isFlexible(name, version) ? 2 : 1, header), encoded(name, version, message)];
  return Buffer.concat([sizeOf(parts), ...parts]);
}

export function sizeOf(parts: readonly Uint8Array[]): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
  return size;
}

const apiVersionsKey = 18;

function replyIn(frame: Buffer, { apiKey, version, correlationId }: Waiting): AnyReply {
  const name = `${nameOfApi(apiKey)}Response`;
  const reader = new FrameReader(frame);
  const isPlain = apiKey === apiVersionsKey || !isFlexible(name, version);
  const header = codecOf('ResponseHeader', isPlain ? 0 : 1).read(reader) as { correlationId: number };
  if (header.correlationId !== correlationId)
    throw new Error(`expected the reply to request ${correlationId}, got the one to ${header.correlationId}`);
  // A version that the server does not know is answered in version 0.
  const isTooNew = apiKey === apiVersionsKey && version > 4;
  const reply = codecOf(name, isTooNew ? 0 : version).read(reader);
  if (reader.left > 0) throw new Error(`${name} v${version}: ${reader.left} bytes are left`);
  return reply;
}

const isFlexible = (name: string, version: number): boolean => isWithin(version, messageRow(name).flexible);

export const key = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  describeGroups: 15,
  listGroups: 16,
  saslHandshake: 17,
  apiVersions: 18,
  createTopics: 19,
  deleteTopics: 20,
  deleteRecords: 21,
  initProducerId: 22,
  addPartitionsToTxn: 24,
  addOffsetsToTxn: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
  offsetForLeaderEpoch: 23,
  describeAcls: 29,
  createAcls: 30,
  deleteAcls: 31,
  describeConfigs: 32,
  alterConfigs: 33,
  alterReplicaLogDirs: 34,
  describeLogDirs: 35,
  saslAuthenticate: 36,
  deleteGroups: 42,
  electLeaders: 43,
  incrementalAlterConfigs: 44,
  alterPartitionReassignments: 45,
  listPartitionReassignments: 46,
  createPartitions: 37,
  offsetDelete: 47,
  describeQuorum: 55,
  describeCluster: 60,
  describeTransactions: 65,
  listTransactions: 66,
  consumerGroupHeartbeat: 68,
  consumerGroupDescribe: 69,
  describeClientQuotas: 48,
  describeProducers: 61,
  listConfigResources: 74,
  describeTopicPartitions: 75,
} as const;
