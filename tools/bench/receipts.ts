// The storage calls of each operation of the API, from its own receipt (`Rivulet-Cost: on`). It works with any backend, so
// that the deployed API and the embedded backend can be compared.
import { randomBytes } from 'node:crypto';
import { encodeBatch } from '../../lib/record/batch.ts';
import { BATCHES_MEDIA_TYPE, encodeProduceFrames } from '../../lib/record/frames.ts';
import type { HttpReply, HttpRequest } from '../emulator/signed-request.ts';

export type Send = (request: HttpRequest) => Promise<HttpReply>;

/** Calls and units, by their names in the header. */
export type Receipt = Readonly<Record<string, number>>;

export async function receiptOf(send: Send, request: HttpRequest): Promise<Receipt> {
  const reply = await send({ ...request, headers: { ...request.headers, 'rivulet-cost': 'on' } });
  if (reply.status >= 300) throw new Error(`${request.method} ${request.path}: ${reply.status} ${reply.body}`);
  const pairs = String(reply.headers['rivulet-cost']).split(', ');
  return Object.fromEntries(pairs.map((pair) => pair.split('=')).map(([name, value]) => [name, Number(value)]));
}

/** Runs each operation on a new topic, in the order of a topic's life. */
export async function receiptsOf(send: Send, topic: string): Promise<ReadonlyMap<string, Receipt>> {
  const receipts = new Map<string, Receipt>();
  for (const [name, request] of operationsOn(topic)) receipts.set(name, await receiptOf(send, request));
  return receipts;
}

const json = { 'content-type': 'application/json' };
const producer = { producerId: 4_000_000_000, producerEpoch: 0 };

function operationsOn(topic: string): [string, HttpRequest][] {
  const path = `/v1/topics/${topic}`;
  const post = (to: string, body: unknown): HttpRequest => ({
    method: 'POST',
    path: `${path}${to}`,
    headers: json,
    body: JSON.stringify(body),
  });
  const from = (offset: number) => ({ partitions: [{ partition: 0, offset }] });
  return [
    ['make a topic of 3 partitions', { method: 'PUT', path, headers: json, body: '{"partitions":3}' }],
    ['first append', appendTo(path, [0], 0)],
    ['append', appendTo(path, [0], 1)],
    ['append again', appendTo(path, [0], 2)],
    ['append to 3 partitions', appendTo(path, [0, 1, 2], 3)],
    ['append of a JSON record', post('/partitions/0/records', { records: [{ value: 'v' }] })],
    ['new producer', { method: 'POST', path: '/v1/producers' }],
    ['fetch, first of the process', post('/fetch', from(1))],
    ['fetch at the end, nothing new', post('/fetch', from(5))],
    ['fetch from another offset', post('/fetch', from(0))],
    ['GET of one partition', { method: 'GET', path: `${path}/partitions/1/records?offset=0` }],
    ['describe', { method: 'GET', path }],
    ['offsets, latest', { method: 'GET', path: `${path}/offsets?at=latest` }],
    ['alter', { method: 'PATCH', path, headers: json, body: '{"config":{"retention.ms":"60000"}}' }],
    ['delete', { method: 'DELETE', path }],
  ];
}

/** The batch to partition 0 has the producer's next sequence. The other partitions get their first batch. */
function appendTo(path: string, partitions: readonly number[], sequence: number): HttpRequest {
  const frames = partitions.map((partition) => ({
    partition,
    batches: batchOf(100, { ...producer, baseSequence: partition === 0 ? sequence : 0 }),
  }));
  return produceRequest(path, encodeProduceFrames(frames));
}

export const produceRequest = (path: string, body: Uint8Array): HttpRequest => ({
  method: 'POST',
  path: `${path}/records`,
  headers: { 'content-type': BATCHES_MEDIA_TYPE },
  body,
});

/** A batch of one record with so many random bytes. */
export function batchOf(valueBytes: number, identity: object): Uint8Array {
  return encodeBatch([{ key: null, value: randomBytes(valueBytes), headers: [], timestampMs: Date.now() }], identity);
}
