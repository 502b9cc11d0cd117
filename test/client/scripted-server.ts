// This real HTTP server does what the test's script says. It serves for answers, and missing answers, that a healthy server
// never produces. Without a script it knows one topic, hands out producer ids 100, 101, ..., and accepts every batch.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DecodedRecord, decodeBatch } from '../../lib/record/batch.ts';
import { type BatchSlice, splitBatches } from '../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeProduceFrames, encodeFetchFrames } from '../../lib/record/frames.ts';

export type Received = {
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly atMs: number;
};

/** `hang`: no answer ever comes. `close`: the socket is cut. `afterMs` delays any of them. */
export type Reply = {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly headers?: Record<string, string>;
  readonly hang?: boolean;
  readonly close?: boolean;
  readonly afterMs?: number;
};

export type Script = (request: Received) => Reply | undefined;

export type ScriptedServer = {
  readonly url: string;
  readonly received: Received[];
  /** The received produce requests, oldest first. */
  produced(): Received[];
  close(): Promise<void>;
};

export const topicId = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Falls back to `usual` where the script says nothing. */
export async function scriptedServer(script: Script = () => undefined, partitions = 4): Promise<ScriptedServer> {
  const received: Received[] = [];
  const usual = usualReplies(partitions);
  const server = createServer((message, response) => {
    void receive(message).then((request) => {
      received.push(request);
      send(response, script(request) ?? usual(request));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    produced: () => received.filter(isProduce),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function receive(message: IncomingMessage): Promise<Received> {
  const url = new URL(message.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const { method = '', headers } = message;
  return { method, headers, path: url.pathname, query: url.searchParams, body, atMs: performance.now() };
}

function send(response: ServerResponse, reply: Reply): void {
  if (reply.hang) return;
  setTimeout(() => {
    if (reply.close) {
      response.socket?.destroy();
      return;
    }
    const body = reply.bytes ?? reply.text ?? JSON.stringify(reply.json ?? {});
    const type = reply.bytes ? BATCHES_MEDIA_TYPE : reply.text === undefined ? 'application/json' : 'text/plain';
    response.writeHead(reply.status ?? 200, { 'content-type': type, ...reply.headers }).end(body);
  }, reply.afterMs ?? 0);
}

export const isProduce = ({ method, path }: Received): boolean => method === 'POST' && path.endsWith('/records');
export const isFetch = ({ method, path }: Received): boolean => method === 'POST' && path.endsWith('/fetch');
export const isProducerId = ({ path }: Received): boolean => path === '/v1/producers';

function usualReplies(partitions: number): (request: Received) => Reply {
  let nextProducerId = 100;
  const ends = new Map<number, number>();
  return (request) => {
    if (isProducerId(request)) return { status: 201, json: { producerId: nextProducerId++, epoch: 0 } };
    if (isProduce(request)) return accept(request, ends);
    if (isFetch(request)) return fetchReply([]);
    return { json: { topic: 't', topicId, partitions, config: [], warnings: [], partitionDetails: [] } };
  };
}

function accept(request: Received, ends: Map<number, number>): Reply {
  return ack(request, (partition, records) => {
    const baseOffset = ends.get(partition) ?? 0;
    ends.set(partition, baseOffset + records);
    return baseOffset;
  });
}

/** Accepts all partitions, each at the given offset. */
export function ack(request: Received, offsetFor: (partition: number, records: number) => number): Reply {
  const results = sentBatches(request).map(({ partition, batches }) => {
    const records = batches.reduce((sum, { header }) => sum + header.recordCount, 0);
    const baseOffset = offsetFor(partition, records);
    return { partition, baseOffset, lastOffset: baseOffset + records - 1, logStartOffset: 0, logAppendTime: -1 };
  });
  return { json: { topicId, partitions: results } };
}

/** The batches of a produce request, per partition. */
export function sentBatches({ body }: Received): { partition: number; batches: BatchSlice[] }[] {
  return decodeProduceFrames(body).map((frame) => ({
    partition: frame.partition,
    batches: splitBatches(frame.batches),
  }));
}

/** The records of a produce request. */
export const sentRecords = ({ body }: Received): DecodedRecord[] =>
  decodeProduceFrames(body).flatMap(({ batches }) =>
    splitBatches(batches).flatMap(({ from }) => decodeBatch(batches, from).records),
  );

/** `[producer id, first sequence, records]` of every batch sent to a partition, in the order of arrival. */
export function sequencesOf(requests: readonly Received[], partition: number): [number, number, number][] {
  return requests
    .flatMap(sentBatches)
    .filter((frame) => frame.partition === partition)
    .flatMap(({ batches }) => batches)
    .map(({ header }) => [header.producerId, header.baseSequence, header.recordCount]);
}

/** One error for every partition of a produce request, as the server gives it. */
export function refusal(request: Received, error: Record<string, unknown>): Reply {
  const problem = { type: 'about:blank', title: 'refused', status: 409, detail: 'as the test says', ...error };
  const partitions = sentBatches(request).map(({ partition }) => ({ partition, error: problem }));
  return { status: Number(problem.status), json: { topicId, partitions } };
}

export type FrameGiven = {
  partition: number;
  errorCode?: number;
  highWatermark?: number;
  logStartOffset?: number;
  batches?: Uint8Array[];
};

export function fetchReply(frames: readonly FrameGiven[], afterMs = 0): Reply {
  const pieces = encodeFetchFrames(
    frames.map(({ partition, errorCode = 0, highWatermark = 0, logStartOffset = 0, batches = [] }) => ({
      partition,
      errorCode,
      highWatermark,
      logStartOffset,
      batches,
    })),
  );
  return { bytes: Buffer.concat(pieces), headers: { 'rivulet-topic-id': topicId }, afterMs };
}

/** The body of a fetch request. */
export function fetchAsked({ body }: Received): {
  partitions: { partition: number; offset: number }[];
  waitMs: number;
  topicId?: string;
} {
  return JSON.parse(body.toString());
}
