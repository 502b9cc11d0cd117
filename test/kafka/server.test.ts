// The listener itself: what it offers, the order on a connection, its bounds, and how it ends.
import { beforeAll, describe, expect, test } from 'vitest';
import { apis } from '../../kafka/apis.ts';
import { startKafka } from '../../kafka/main.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { batchOf, fetchMessage, fetchTopic, produceMessage, type Service, startService } from './service.ts';
import { type AnyReply, key, requestFrame, sizeOf } from './wire.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

describe('what is offered', () => {
  test('is what is served: every version of every API answers', async () => {
    const wire = await service.connect();
    for (const { key: apiKey, versions } of apis.values())
      for (let version = versions[0]; version <= versions[1]; version++)
        expect(await wire.ask(apiKey, version, { acks: 1, topics: [], endpointType: 1 })).toBeDefined();
  });

  test.each([0, 3, 4])('is listed by version %i of ApiVersions', async (version) => {
    const wire = await service.connect();
    const reply = await wire.ask(key.apiVersions, version);
    const listed = reply.apiKeys.map(({ apiKey, minVersion, maxVersion }: AnyReply) => [
      apiKey,
      minVersion,
      maxVersion,
    ]);
    expect(listed).toEqual([...apis.values()].map((api) => [api.key, ...api.versions]).sort((a, b) => +a[0]! - +b[0]!));
    expect(reply).toMatchObject({ errorCode: 0 });
  });

  test('is listed in version 0 to a client that asks in a version to come', async () => {
    const wire = await service.connect();
    const reply = await wire.ask(key.apiVersions, 99);
    expect(reply).toMatchObject({ errorCode: 35 });
    expect(reply.apiKeys.length).toBe(apis.size);
    expect(await wire.ask(key.apiVersions, 4)).toMatchObject({ errorCode: 0 });
  });

  test.each([
    [
      'an API that is not offered',
      { apiKey: 27, version: 1 },
      /expected an API and a version that is offered, got WriteTxnMarkers \(27\) version 1/,
    ],
    ['a version that is not offered', { apiKey: 1, version: 3 }, /got Fetch \(1\) version 3/],
  ])('alone is answered: %s closes the connection', async (_, head, reason) => {
    const wire = await service.connect();
    wire.tell(head.apiKey, head.version);
    await wire.closed;
    expect(service.failures.pop()).toMatch(reason);
  });
});

/** ApiVersions v3, in whose header so many tagged fields follow that nobody knows. */
function requestWithTags(count: number): Buffer {
  const head = Buffer.from('001200030000000cffff', 'hex');
  const size = Buffer.from([(count & 0x7f) | 0x80, ((count >> 7) & 0x7f) | 0x80, count >> 14]);
  const parts = [head, size, Buffer.alloc(2 * count, Buffer.from([0x63, 0x00]))];
  return Buffer.concat([sizeOf(parts), ...parts]);
}

/** The codec writes no text that is too long: one more byte is put into the longest. */
function longName(): Buffer {
  const message = { topics: [{ name: 'x'.repeat(32_767) }] };
  const frame = requestFrame({ apiKey: 3, version: 9, correlationId: 0 }, message).subarray(4);
  const at = frame.indexOf('808002', 'hex');
  const parts = [frame.subarray(0, at), Buffer.from('81800278', 'hex'), frame.subarray(at + 3)];
  return Buffer.concat([sizeOf(parts), ...parts]);
}

describe('bytes that are no request close the connection', () => {
  const prefix = (length: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    return bytes;
  };

  test.each([
    ['a negative length', prefix(-1), /frame: expected 8 to 104857600 bytes, got -1/],
    ['a length above the limit', prefix(104_857_601), /got 104857601/],
    [
      'HTTP',
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      /got 1195725856, the beginning of an HTTP request: .* another port/,
    ],
    ['TLS', Buffer.from('160301020001', 'hex'), /got 369295618, the beginning of a TLS handshake: connect without TLS/],
    ['an unknown key', Buffer.concat([prefix(8), Buffer.from('7fff000000000000', 'hex')]), /api key: expected a key/],
    [
      'a message that is cut',
      Buffer.concat([prefix(10), Buffer.from('00030001000000000000', 'hex')]),
      /expected 4 bytes, got 0/,
    ],
    ['a name that is longer than texts may be', longName(), /expected a text of at most 32767 bytes, got 32768/],
    ['a million tagged fields', requestWithTags(1_000_000), /expected at most 25000 elements in a frame, got more/],
  ])('%s', async (_, bytes, reason) => {
    const wire = await service.connect();
    wire.socket.write(bytes);
    await wire.closed;
    expect(service.failures.pop()).toMatch(reason);
  });
});

test.each(['GET /v1/topics HTTP/1.1', 'POST /v1/topics HTTP/1.1\r\ncontent-length: 200000'])(
  'a client of HTTP is told so: %s',
  async (head) => {
    const { socket } = await service.connect();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.write(`${head}\r\n\r\n${'x'.repeat(200_000)}`);
    await ended;
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 400 .*This port speaks Kafka's protocol: /s);
    expect(service.failures.pop()).toMatch(/the HTTP API has another port/);
  },
);

describe('bytes behind a message', () => {
  test('are ignored: librdkafka 2.15 sends three when it asks for all topics', async () => {
    const frame = requestFrame({ apiKey: 3, version: 12, correlationId: 5 }, { topics: null }).subarray(4);
    const { socket } = await service.connect();
    const reply = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.write(Buffer.concat([sizeOf([frame, Buffer.alloc(3)]), frame, Buffer.alloc(3)]));
    expect((await reply).readInt32BE(4)).toBe(5);
  });
});

describe('requests of one connection', () => {
  test('are answered in order, though a later one is done earlier', async () => {
    const topic = await service.engine.createTopic({ topic: 'in-order' });
    const wire = await service.connect();
    const done: string[] = [];
    const slow = wire
      .ask(key.fetch, 12, fetchMessage([fetchTopic(topic)], { maxWaitMs: 300 }))
      .then(() => done.push('fetch'));
    const fast = wire.ask(key.apiVersions, 3).then(() => done.push('versions'));
    await Promise.all([slow, fast]);
    expect(done).toEqual(['fetch', 'versions']);
  });

  test('see the changes that were asked for before them', async () => {
    const wire = await service.connect();
    const topics = [{ name: 'made-first', numPartitions: 1, replicationFactor: 1 }];
    const made = wire.ask(key.createTopics, 5, { topics, timeoutMs: 1_000 });
    const produced = wire.ask(key.produce, 9, produceMessage('made-first', { 0: batchOf(['a']) }));
    expect((await made).topics).toMatchObject([{ errorCode: 0 }]);
    expect((await produced).responses[0].partitionResponses).toMatchObject([{ errorCode: 0 }]);
  });

  test('may come byte by byte, and many in one piece', async () => {
    const wire = await service.connect();
    const frame = requestFrame({ apiKey: 18, version: 0, correlationId: 0 }, {});
    const replies: Buffer[] = [];
    wire.socket.removeAllListeners('data').on('data', (chunk) => replies.push(chunk));
    for (const byte of frame) wire.socket.write(Buffer.from([byte]));
    wire.socket.write(Buffer.concat(Array.from({ length: 30 }, () => frame)));
    const one = 4 + 4 + 2 + 4 + 6 * apis.size;
    await expect.poll(() => Buffer.concat(replies).length).toBe(31 * one);
  });
});

describe('bounds', () => {
  /** An engine whose reads end when the test says so, and say how many began. */
  function heldReads() {
    const held: (() => void)[] = [];
    const isHeld = () => new Promise<void>((resolve) => held.push(resolve));
    const wrap = (engine: Engine): Engine => ({
      ...engine,
      fetchTopics: (request) => isHeld().then(() => engine.fetchTopics({ ...request, waitMs: 0 })),
      offsets: (request) => isHeld().then(() => engine.offsets(request)),
    });
    return { held, wrap };
  }

  const offsetsMessage = (topic: string, partitions = 1) => ({
    replicaId: -1,
    topics: [
      {
        name: topic,
        partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 })),
      },
    ],
  });

  test('a connection is not read on while it has too many requests unanswered', async () => {
    const { held, wrap } = heldReads();
    const bounded = await startService({ wrap, limits: { unansweredRequests: 3 } });
    await bounded.engine.createTopic({ topic: 't' });
    const wire = await bounded.connect();
    const replies = Array.from({ length: 5 }, () => wire.ask(key.listOffsets, 6, offsetsMessage('t')));
    await expect.poll(() => held.length).toBe(3);
    held[0]!();
    await replies[0];
    await expect.poll(() => held.length).toBe(4);
    for (const end of held) end();
    await expect.poll(() => held.length).toBe(5);
    held[4]!();
    await Promise.all(replies);
  });

  test('requests wait for the memory that others hold', async () => {
    const { held, wrap } = heldReads();
    const bounded = await startService({ wrap, limits: { budgetBytes: 500 } });
    const topic = await bounded.engine.createTopic({ topic: 't' });
    const wires = await Promise.all(Array.from({ length: 3 }, () => bounded.connect()));
    const replies = wires.map((wire) => wire.ask(key.fetch, 12, fetchMessage([fetchTopic(topic)])));
    await expect.poll(() => held.length).toBe(2);
    for (const end of held) end();
    await expect.poll(() => held.length).toBe(3);
    held[2]!();
    await Promise.all(replies);
  });

  test('frames that are no request, and connections that end, give their memory back', async () => {
    const bounded = await startService({ limits: { budgetBytes: 200 } });
    const bad = Buffer.concat([Buffer.from('00000064', 'hex'), Buffer.alloc(100, 0x7f)]);
    for (let i = 0; i < 4; i++) {
      const wire = await bounded.connect();
      wire.socket.write(bad);
      await wire.closed;
      const half = await bounded.connect();
      half.socket.write(bad.subarray(0, 50));
      await new Promise((resolve) => setTimeout(resolve, 20));
      half.close();
    }
    expect(await (await bounded.connect()).ask(key.apiVersions, 0)).toMatchObject({ errorCode: 0 });
  });

  test('the elements of a request count too', async () => {
    const { held, wrap } = heldReads();
    const bounded = await startService({ wrap, limits: { unansweredBytes: 10_000 } });
    const wire = await bounded.connect();
    const replies = Array.from({ length: 3 }, () => wire.ask(key.listOffsets, 6, offsetsMessage('t', 50)));
    await expect.poll(() => held.length).toBe(100);
    for (const end of held) end();
    await expect.poll(() => held.length).toBe(150);
    for (const end of held) end();
    await Promise.all(replies);
  });

  test('a connection has one fetch at work, beside its other reads', async () => {
    const { held, wrap } = heldReads();
    const bounded = await startService({ wrap });
    const topic = await bounded.engine.createTopic({ topic: 't' });
    const wire = await bounded.connect();
    const replies = Array.from({ length: 2 }, () => wire.ask(key.fetch, 12, fetchMessage([fetchTopic(topic)])));
    replies.push(wire.ask(key.listOffsets, 6, offsetsMessage('t')));
    await expect.poll(() => held.length).toBe(2);
    held[0]!();
    await replies[0];
    await expect.poll(() => held.length).toBe(3);
    for (const end of held) end();
    await Promise.all(replies);
  });

  test('a reply counts while it waits for earlier ones', async () => {
    const { held, wrap } = heldReads();
    const bounded = await startService({ wrap, limits: { budgetBytes: 400 } });
    await bounded.engine.createTopic({ topic: 't' });
    const [wire, other] = [await bounded.connect(), await bounded.connect()];
    const first = wire.ask(key.listOffsets, 6, offsetsMessage('t'));
    await expect.poll(() => held.length).toBe(1);
    const made = [wire.ask(key.apiVersions, 0), wire.ask(key.apiVersions, 0)];
    await new Promise((resolve) => setTimeout(resolve, 50));
    const log: string[] = [];
    const late = other.ask(key.apiVersions, 0).then(() => log.push('other'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    log.push('ended');
    held[0]!();
    await Promise.all([first, ...made, late]);
    expect(log).toEqual(['ended', 'other']);
  });

  test('a frame that does not come whole frees its memory, and its connection is closed', async () => {
    const bounded = await startService({ limits: { frameMs: 200, budgetBytes: 1_000 } });
    const [slow, other] = [await bounded.connect(), await bounded.connect()];
    const size = Buffer.alloc(4);
    size.writeInt32BE(990);
    slow.socket.write(Buffer.concat([size, Buffer.alloc(10)]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const reply = other.ask(key.apiVersions, 0);
    await slow.closed;
    expect(await reply).toMatchObject({ errorCode: 0 });
  });

  test('a client that does not read its replies is closed', async () => {
    const bounded = await startService({ limits: { unreadReplyMs: 300 } });
    const topic = await bounded.engine.createTopic({ topic: 't' });
    const wire = await bounded.connect();
    for (let i = 0; i < 8; i++)
      await wire.ask(key.produce, 9, produceMessage('t', { 0: batchOf(['x'.repeat(900_000)]) }));
    wire.socket.pause();
    for (let i = 0; i < 8; i++)
      wire.tell(key.fetch, 12, fetchMessage([fetchTopic(topic, { maxBytes: 4_000_000 })], { maxBytes: 4_000_000 }));
    await new Promise((resolve) => setTimeout(resolve, 800));
    wire.socket.resume();
    await wire.closed;
  });

  test('connections beyond the limit are refused, and silent ones are closed', async () => {
    const bounded = await startService({ limits: { connections: 2, idleMs: 500 } });
    const wires = [await bounded.connect(), await bounded.connect(), await bounded.connect()];
    await wires[2]!.closed;
    await Promise.all(wires.map(({ closed }) => closed));
    const again = await bounded.connect();
    expect(await again.ask(key.apiVersions, 0)).toMatchObject({ errorCode: 0 });
  });
});

describe('the end', () => {
  test('answers waiting fetches and closes', async () => {
    const ending = await startService();
    const topic = await ending.engine.createTopic({ topic: 't' });
    const wire = await ending.connect();
    const reply = wire.ask(key.fetch, 12, fetchMessage([fetchTopic(topic)], { maxWaitMs: 20_000 }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await ending.close();
    expect((await reply).responses[0].partitions).toMatchObject([{ errorCode: 0, highWatermark: 0 }]);
    await wire.closed;
    expect(ending.failures).toEqual([]);
  });

  test('begins no request that comes later', async () => {
    const held: (() => void)[] = [];
    const ending = await startService({
      wrap: (engine) => ({
        ...engine,
        offsets: async (request) => {
          await new Promise<void>((resolve) => held.push(resolve));
          return engine.offsets(request);
        },
      }),
    });
    await ending.engine.createTopic({ topic: 't' });
    const wire = await ending.connect();
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }];
    const asked = wire.ask(key.listOffsets, 6, { replicaId: -1, topics });
    await expect.poll(() => held.length).toBe(1);
    const closed = ending.close();
    wire.tell(key.produce, 9, produceMessage('t', { 0: batchOf(['late']) }, 0));
    await new Promise((resolve) => setTimeout(resolve, 50));
    held[0]!();
    await asked;
    await closed;
    const { partitions } = await ending.engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }] });
    expect(partitions).toMatchObject([{ highWatermark: 0 }]);
  });

  test('of a client ends its waits, and is no failure', async () => {
    let signal: AbortSignal | undefined;
    const watched = await startService({
      wrap: (engine) => ({
        ...engine,
        fetchTopics: (request) => {
          signal = request.signal;
          return engine.fetchTopics(request);
        },
      }),
    });
    const topic = await watched.engine.createTopic({ topic: 't' });
    const wire = await watched.connect();
    wire.tell(key.fetch, 12, fetchMessage([fetchTopic(topic)], { maxWaitMs: 20_000 }));
    await expect.poll(() => signal).toBeDefined();
    wire.close();
    await expect.poll(() => signal!.aborted).toBe(true);
    expect(watched.failures).toEqual([]);
  });
});

test('it listens on loopback only, and says so if the port is taken', async () => {
  const { engine } = service;
  const options = { engine, clusterId: 'c', clock: systemClock, onError: () => undefined };
  await expect(startKafka({ ...options, host: '0.0.0.0' })).rejects.toThrow(
    'Kafka host 0.0.0.0: others can reach it, so it needs TLS',
  );
  await expect(startKafka({ ...options, port: service.port })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${service.port}`,
  );
});
