// Inputs that a hostile client may send to a server, each whole and a quarter of it: the whole must cost four times as much, and
// no input may hold the event loop. test/hostile/ holds both; npm run bench -- --only hostile prints the figures.
import { zstdCompressSync } from 'node:zlib';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { varintBytes, writeVarint } from '../../lib/bytes/varint.ts';
import { encodeBatch, type RecordInput } from '../../lib/record/batch.ts';
import { field, lengthOverheadBytes, recordBatchOverheadBytes } from '../../lib/record/batch-header.ts';
import { type Compression, compressions } from '../../lib/record/compression.ts';
import { BATCHES_MEDIA_TYPE, encodeProduceFrames } from '../../lib/record/frames.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';

export type Answer = { readonly status: number; readonly text: string };

export type Target = {
  /** Signed, unless `isSigned` is false. */
  ask(request: Ask): Promise<Answer>;
};

type Ask = {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isSigned?: boolean;
  readonly signal?: AbortSignal;
};

/** `size` counts quarters: it is 1 or 4. */
export type HostileInput = {
  readonly name: string;
  prepare?(target: Target): Promise<void>;
  send(target: Target, size: number): Promise<void>;
};

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

export function targetAt(base: string): Target {
  return {
    async ask({ method, path, body = '', headers = {}, isSigned = true, signal }) {
      const url = new URL(path, base);
      const signable = { method, url, headers, body, credentials, region: 'us-east-1', service: 'execute-api' };
      const reply = await fetch(url, {
        method,
        headers: isSigned ? signRequest({ ...signable, nowMs: Date.now() }) : headers,
        ...(body.length > 0 && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
        ...(signal && { signal }),
      });
      return { status: reply.status, text: await reply.text() };
    },
  };
}

const json = { 'content-type': 'application/json' };
const post = (target: Target, path: string, body: unknown, signal?: AbortSignal) =>
  target.ask({
    method: 'POST',
    path,
    headers: json,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });

async function expectStatus(answer: Promise<Answer>, ...statuses: number[]): Promise<Answer> {
  const got = await answer;
  if (!statuses.includes(got.status))
    throw new Error(`expected ${statuses}, got ${got.status}: ${got.text.slice(0, 300)}`);
  return got;
}

async function makeTopic(target: Target, topic: string, body: object = {}): Promise<void> {
  await expectStatus(
    target.ask({ method: 'PUT', path: `/v1/topics/${topic}`, headers: json, body: JSON.stringify(body) }),
    201,
  );
}

type Frames = readonly { readonly partition: number; readonly batches: Uint8Array }[];

const produce = (target: Target, topic: string, frames: Frames) =>
  target.ask({
    method: 'POST',
    path: `/v1/topics/${topic}/records`,
    headers: { 'content-type': BATCHES_MEDIA_TYPE },
    body: encodeProduceFrames(frames),
  });

const MiB = 2 ** 20;
const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join(',');

/** So many megabytes of zeros: some kilobytes on the wire. */
function zeros(megabytes: number, compression: Compression): Uint8Array {
  const record: RecordInput = { key: null, value: new Uint8Array(MiB), headers: [], timestampMs: 1_000 };
  return encodeBatch(Array<RecordInput>(megabytes).fill(record), { compression });
}

/**
 * Millions of empty records in a batch of some hundred kilobytes, which claims a greater timestamp than any of them has: a search
 * for it must look at all of them.
 */
function millions(count: number): Uint8Array {
  const cursor = { bytes: new Uint8Array(count * 11), at: 0, end: count * 11 };
  for (let delta = 0; delta < count; delta++) {
    const fieldBytes = [0, 0, delta, -1, -1, 0];
    writeVarint(
      cursor,
      fieldBytes.reduce((sum, value) => sum + varintBytes(value), 0),
    );
    for (const value of fieldBytes) writeVarint(cursor, value);
  }
  const body = zstdCompressSync(cursor.bytes.subarray(0, cursor.at));
  const { bytes, view } = headerOf({ recordBytes: body.length });
  view.setInt16(field.attributes, compressions.indexOf('zstd'));
  view.setInt32(field.lastOffsetDelta, count - 1);
  view.setInt32(field.recordCount, count);
  view.setBigInt64(field.maxTimestamp, 5_000n);
  bytes.set(body, recordBatchOverheadBytes);
  view.setUint32(field.crc, crc32c(bytes, field.attributes));
  return bytes;
}

function headerOf({ recordBytes }: { recordBytes: number }): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(recordBatchOverheadBytes + recordBytes);
  bytes.set(tiny.subarray(0, recordBatchOverheadBytes));
  const view = new DataView(bytes.buffer);
  view.setInt32(field.length, bytes.length - lengthOverheadBytes);
  return { bytes, view };
}

const tiny = encodeBatch([{ key: null, value: null, headers: [], timestampMs: 1_000 }]);

const partitionsTo = (count: number): number[] => Array.from({ length: count }, (_, partition) => partition);

/** Each partition has one batch, of which the last record is asked for. */
function unpacked(codec: Compression, megabytes: number): HostileInput {
  const topic = `unpacked-${codec}`;
  const mostPartitions = 16;
  return {
    name: `a JSON fetch of ${mostPartitions} batches of ${codec} of ${megabytes} MiB each`,
    async prepare(target) {
      await makeTopic(target, topic, { partitions: mostPartitions, config: { 'max.message.bytes': '4000000' } });
      const batches = zeros(megabytes, codec);
      for (const partition of partitionsTo(mostPartitions))
        await expectStatus(produce(target, topic, [{ partition, batches }]), 200);
    },
    async send(target, size) {
      const wanted = partitionsTo((mostPartitions / 4) * size);
      const partitions = wanted.map((partition) => ({ partition, offset: megabytes - 1 }));
      await expectStatus(post(target, `/v1/topics/${topic}/fetch`, { partitions, maxBytes: 4 * MiB }), 200);
    },
  };
}

const millionsOf = (size: number): number => 1_000_000 * size;

/** Partition `size` has one batch of so many. */
const makeMillions = (topic: string) => async (target: Target) => {
  await makeTopic(target, topic, { partitions: 5, config: { 'max.message.bytes': '4000000' } });
  for (const size of [1, 4])
    await expectStatus(produce(target, topic, [{ partition: size, batches: millions(millionsOf(size)) }]), 200);
};

const searched: HostileInput = {
  name: 'a search by time over a batch of 4,000,000 records',
  prepare: makeMillions('searched'),
  async send(target, size) {
    const path = `/v1/topics/searched/offsets?at=3000&partitions=${size}`;
    await expectStatus(target.ask({ method: 'GET', path }), 200);
  },
};

const passedOver: HostileInput = {
  name: 'a JSON fetch of the last ten of 4,000,000 records',
  prepare: makeMillions('passed-over'),
  async send(target, size) {
    const path = `/v1/topics/passed-over/partitions/${size}/records?offset=${millionsOf(size) - 10}`;
    await expectStatus(target.ask({ method: 'GET', path }), 200);
  },
};

const packedAnew: HostileInput = {
  name: 'a produce of 16 batches of zstd of 60 MiB to a topic of LZ4',
  prepare: (target) => makeTopic(target, 'packed-anew', { partitions: 16, config: { 'compression.type': 'lz4' } }),
  async send(target, size) {
    const batches = zeros(60, 'zstd');
    const frames = partitionsTo(4 * size).map((partition) => ({ partition, batches }));
    await expectStatus(produce(target, 'packed-anew', frames), 200);
  },
};

const tinyBatches: HostileInput = {
  name: 'a produce of 30,000 batches',
  prepare: (target) => makeTopic(target, 'tiny'),
  async send(target, size) {
    const batches = new Uint8Array(tiny.length * 7_500 * size);
    for (let at = 0; at < batches.length; at += tiny.length) batches.set(tiny, at);
    await expectStatus(produce(target, 'tiny', [{ partition: 0, batches }]), 200);
  },
};

const jsonRecord = (name: string, value: (size: number) => string, status = 200): HostileInput => ({
  name,
  prepare: (target) => makeTopic(target, topicOf(name)),
  async send(target, size) {
    await expectStatus(
      post(target, `/v1/topics/${topicOf(name)}/records`, `{"records":[{"value":${value(size)}}]}`),
      status,
    );
  },
});

const topicOf = (name: string): string => name.replace(/\W+/g, '-');

/** A connection each, and an append to what all of them wait for. */
const longPolls: HostileInput = {
  name: '300 long polls of 256 partitions, and appends',
  prepare: (target) => makeTopic(target, 'polled', { partitions: 256 }),
  async send(target, size) {
    const left = new AbortController();
    const end = JSON.parse(
      (await expectStatus(target.ask({ method: 'GET', path: '/v1/topics/polled/offsets?at=latest' }), 200)).text,
    ) as { partitions: { offset: number }[] };
    const partitions = end.partitions.map(({ offset }, partition) => ({ partition, offset }));
    const poll = () =>
      post(target, '/v1/topics/polled/fetch', { partitions, waitMs: 20_000, minBytes: 100_000 }, left.signal);
    const polls = Array.from({ length: 75 * size }, () => poll().catch(() => undefined));
    for (let append = 0; append < 10; append++)
      await expectStatus(produce(target, 'polled', [{ partition: append, batches: tiny }]), 200);
    left.abort();
    await Promise.all(polls);
  },
};

const manyTopics = (size: number, per: (topic: string) => string): string =>
  `[${times(5_000 * size, (i) => per(`none-${i}`))}]`;

export const hostileInputs: readonly HostileInput[] = [
  {
    name: '10 KB of blanks inside a header of unsigned requests',
    async send(target, size) {
      const headers = { 'x-blanks': `a${' '.repeat(2_250 * size)}a` };
      for (let i = 0; i < 5; i++)
        await expectStatus(target.ask({ method: 'GET', path: '/v1/topics', headers, isSigned: false }), 403);
    },
  },
  {
    name: 'a query of 2,000 parameters',
    async send(target, size) {
      const query = Array.from({ length: 350 * size }, (_, i) => `p${i}=`).join('&');
      for (let i = 0; i < 5; i++) await expectStatus(target.ask({ method: 'GET', path: `/v1/topics?${query}` }), 400);
    },
  },
  searched,
  passedOver,
  unpacked('gzip', 60),
  unpacked('snappy', 20),
  unpacked('lz4', 60),
  unpacked('zstd', 60),
  packedAnew,
  tinyBatches,
  longPolls,
  {
    name: 'a reset of 20,000 topics',
    async send(target, size) {
      const topics = manyTopics(size, (topic) => `{"topic":"${topic}","target":{"to":"latest"}}`);
      await expectStatus(post(target, '/v1/groups/g/offsets/reset', `{"topics":${topics}}`), 404);
    },
  },
  {
    name: 'a heartbeat that claims 20,000 topics',
    async prepare(target) {
      const join = {
        memberId: 'm',
        memberEpoch: 0,
        heartbeatSeq: 1,
        subscribedTopicNames: ['none'],
        topicPartitions: [],
      };
      await expectStatus(post(target, '/v1/groups/claims/heartbeat', join), 200);
    },
    async send(target, size) {
      const claims = manyTopics(size, (topic) => `{"topic":"${topic}","partitions":[1]}`);
      const body = `{"memberId":"m","memberEpoch":1,"heartbeatSeq":9,"topicPartitions":${claims}}`;
      await expectStatus(post(target, '/v1/groups/claims/heartbeat', body), 200, 409);
    },
  },
  jsonRecord('50,000 numbers with exponents', (size) => `[${times(12_500 * size, (i) => `${i}.5e-7`)}]`),
  jsonRecord('2 MB of exponents', (size) => `[${times(120_000 * size, () => '1e1')}]`, 400),
  jsonRecord('1 MB of empty lists and one long number', (size) => `[1e1,${times(75_000 * size, () => '[]')}]`),
  jsonRecord('one number of 1 MB', (size) => '1'.repeat(250_000 * size)),
  jsonRecord('1 MB of brackets', (size) => '['.repeat(250_000 * size), 400),
  jsonRecord('1 MB of base64', (size) => `{"type":"binary","data":"${'AAAA'.repeat(62_500 * size)}"}`),
];
