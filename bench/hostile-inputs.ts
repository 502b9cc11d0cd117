// Inputs that a hostile client may send to a server, each in two sizes: what the larger one costs must be twice the smaller
// one's, and no input may hold the event loop. test/hostile/ holds both; npm run bench -- --only hostile prints the stalls.
import { crc32c } from '../lib/bytes/crc32c.ts';
import { encodeBatch, type RecordInput } from '../lib/record/batch.ts';
import type { Compression } from '../lib/record/compression.ts';
import { BATCHES_MEDIA_TYPE, encodeProduceFrames } from '../lib/record/frames.ts';
import { signRequest } from '../lib/sigv4/sign.ts';

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

/** `size` is 1 or 2. */
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

const produce = (target: Target, topic: string, partition: number, batches: Uint8Array) =>
  target.ask({
    method: 'POST',
    path: `/v1/topics/${topic}/records`,
    headers: { 'content-type': BATCHES_MEDIA_TYPE },
    body: encodeProduceFrames([{ partition, batches }]),
  });

/** `count` records of so many zeros: some kilobytes on the wire. */
const zeros = (count: number, bytes: number, compression: Compression): Uint8Array =>
  encodeBatch(
    Array.from(
      { length: count },
      (): RecordInput => ({
        key: null,
        value: new Uint8Array(bytes),
        headers: [],
        timestampMs: 1_000,
      }),
    ),
    { compression },
  );

/** Claims a greater timestamp than any of its records has: a search for it must look at all of them. */
function lying(batch: Uint8Array): Uint8Array {
  const view = new DataView(batch.buffer, batch.byteOffset);
  view.setBigInt64(35, 5_000n);
  view.setUint32(17, crc32c(batch, 21));
  return batch;
}

const MiB = 2 ** 20;
const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join(',');

/** Partition `size` has what is so large. */
function unpacked(codec: Compression): HostileInput {
  const topic = `unpacked-${codec}`;
  return {
    name: `a JSON fetch of ${codec} that unpacks to 20 MiB`,
    async prepare(target) {
      await makeTopic(target, topic, { partitions: 3, config: { 'max.message.bytes': '4000000' } });
      for (const size of [1, 2])
        await expectStatus(produce(target, topic, size, zeros(160 * size, 64 * 1024, codec)), 200);
    },
    async send(target, size) {
      const body = { partitions: [{ partition: size, offset: 150 * size }], maxBytes: 4 * MiB };
      await expectStatus(post(target, `/v1/topics/${topic}/fetch`, body), 200);
    },
  };
}

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

const searched: HostileInput = {
  name: 'a search by time over 32 MiB of records, packed',
  async prepare(target) {
    await makeTopic(target, 'searched', { partitions: 3 });
    for (const size of [1, 2])
      for (let batch = 0; batch < 2 * size; batch++)
        for (const [count, bytes] of [
          [100_000, 1],
          [100, 64 * 1024],
        ] as const)
          await expectStatus(produce(target, 'searched', size, lying(zeros(count, bytes, 'zstd'))), 200);
  },
  async send(target, size) {
    await expectStatus(
      target.ask({ method: 'GET', path: `/v1/topics/searched/offsets?at=3000&partitions=${size}` }),
      200,
    );
  },
};

const passedOver: HostileInput = {
  name: 'a JSON fetch behind 400,000 records of one batch',
  async prepare(target) {
    await makeTopic(target, 'passed-over', { partitions: 3 });
    for (const size of [1, 2])
      await expectStatus(produce(target, 'passed-over', size, zeros(200_000 * size, 1, 'zstd')), 200);
  },
  async send(target, size) {
    const offset = 200_000 * size - 10;
    await expectStatus(
      target.ask({ method: 'GET', path: `/v1/topics/passed-over/partitions/${size}/records?offset=${offset}` }),
      200,
    );
  },
};

const packedAnew: HostileInput = {
  name: 'a produce of zstd to a topic of LZ4, 16 MiB unpacked',
  prepare: (target) => makeTopic(target, 'packed-anew', { config: { 'compression.type': 'lz4' } }),
  async send(target, size) {
    await expectStatus(produce(target, 'packed-anew', 0, zeros(128 * size, 64 * 1024, 'zstd')), 200);
  },
};

const tiny = encodeBatch([{ key: null, value: null, headers: [], timestampMs: 1_000 }]);

const tinyBatches: HostileInput = {
  name: 'a produce of 30,000 batches',
  prepare: (target) => makeTopic(target, 'tiny'),
  async send(target, size) {
    const batches = new Uint8Array(tiny.length * 15_000 * size);
    for (let at = 0; at < batches.length; at += tiny.length) batches.set(tiny, at);
    await expectStatus(produce(target, 'tiny', 0, batches), 200);
  },
};

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
    const polls = Array.from({ length: 150 * size }, () => poll().catch(() => undefined));
    for (let append = 0; append < 10; append++) await expectStatus(produce(target, 'polled', append, tiny), 200);
    left.abort();
    await Promise.all(polls);
  },
};

const manyTopics = (size: number, per: (topic: string) => string): string =>
  `[${times(10_000 * size, (i) => per(`none-${i}`))}]`;

export const hostileInputs: readonly HostileInput[] = [
  {
    name: '10 KB of blanks inside a header of unsigned requests',
    async send(target, size) {
      const headers = { 'x-blanks': `a${' '.repeat(4_500 * size)}a` };
      for (let i = 0; i < 5; i++)
        await expectStatus(target.ask({ method: 'GET', path: '/v1/topics', headers, isSigned: false }), 403);
    },
  },
  {
    name: 'a query of 2,000 parameters',
    async send(target, size) {
      const query = Array.from({ length: 700 * size }, (_, i) => `p${i}=`).join('&');
      for (let i = 0; i < 5; i++) await expectStatus(target.ask({ method: 'GET', path: `/v1/topics?${query}` }), 400);
    },
  },
  searched,
  passedOver,
  ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map(unpacked),
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
  jsonRecord('50,000 numbers with exponents', (size) => `[${times(25_000 * size, (i) => `${i}.5e-7`)}]`),
  jsonRecord('2 MB of exponents', (size) => `[${times(240_000 * size, () => '1e1')}]`, 400),
  jsonRecord('1 MB of empty lists and one long number', (size) => `[1e1,${times(150_000 * size, () => '[]')}]`),
  jsonRecord('one number of 1 MB', (size) => '1'.repeat(500_000 * size)),
  jsonRecord('1 MB of brackets', (size) => '['.repeat(500_000 * size), 400),
  jsonRecord('1 MB of base64', (size) => `{"type":"binary","data":"${'AAAA'.repeat(125_000 * size)}"}`),
];
