import { afterEach, expect, test } from 'vitest';
import type { ProducerOptions } from '../../../client/producer/producer-options.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import {
  ack,
  isProduce,
  isProducerId,
  type Received,
  type Reply,
  refusal,
  type Script,
  type ScriptedServer,
  scriptedServer,
  sentBatches,
  sequencesOf,
  topicId,
} from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start(script?: Script, options: ProducerOptions = {}, partitions = 4) {
  const server = await scriptedServer(script, partitions);
  servers.push(server);
  const rivulet = new Rivulet({ url: server.url, retry: { baseMs: 5, capMs: 20 }, requestTimeoutMs: 400 });
  return { server, producer: rivulet.producer({ lingerMs: 1, ...options }) };
}

/** These replies answer the first produce requests, in turn. Later requests are answered as usual. */
function produceScript(...replies: ((request: Received) => Reply | undefined)[]): Script {
  let count = 0;
  return (request) => (isProduce(request) ? replies[count++]?.(request) : undefined);
}

const send = (partition: number, ...values: string[]) => ({
  topic: 't',
  messages: values.map((value) => ({ value, partition })),
});

test('the producer id is requested once, with the first send', async () => {
  const { server, producer } = await start();
  await producer.connect();
  expect(server.received).toEqual([]);
  await Promise.all([producer.send(send(0, 'a')), producer.send(send(1, 'b'))]);
  await producer.send(send(0, 'c'));
  expect(server.received.filter(isProducerId)).toHaveLength(1);
  expect(sequencesOf(server.produced(), 0)).toEqual([
    [100, 0, 1],
    [100, 1, 1],
  ]);
});

test('sends at the same time share a request, which names the topic id', async () => {
  const { server, producer } = await start();
  const results = await Promise.all([0, 1, 2, 3].map((partition) => producer.send(send(partition, 'a', 'b'))));
  expect(server.produced()).toHaveLength(1);
  expect(server.produced()[0]?.query.get('topicId')).toBe(topicId);
  expect(results.flat().map(({ partition, offset }) => [partition, offset])).toEqual([
    [0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1],
  ]); // biome-ignore format: one pair a message
});

test.each<[string, (request: Received) => Reply]>([
  ['a reply is lost', () => ({ close: true })],
  ['a gateway says 503', () => ({ status: 503, text: 'Service Unavailable' })],
  ['a gateway says 429', () => ({ status: 429, text: 'Too Many Requests' })],
  ['no answer comes in time', () => ({ hang: true })],
  ['the answer is no JSON', () => ({ status: 200, text: '<html>' })],
  ['the answer leaves the partition out', () => ({ json: { topicId, partitions: [] } })],
  ['the server says it is unclear', (request) => refusal(request, unclear)],
])('when %s, the same bytes are sent again', async (_name, fault) => {
  const { server, producer } = await start(produceScript(fault, fault));
  const [metadata] = await producer.send(send(2, 'a'));
  expect(metadata).toMatchObject({ topic: 't', partition: 2, offset: 0 });
  const bodies = server.produced().map(({ body }) => body.toString('hex'));
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies).size).toBe(1);
});

const unclear = { errorCode: 'REQUEST_TIMED_OUT', status: 504, retriable: true, outcome: 'unknown' };

test('only the partitions that failed are sent again', async () => {
  const half = (request: Received) => {
    const reply = ack(request, () => 10) as { json: { topicId: string; partitions: { partition: number }[] } };
    const partitions = reply.json.partitions.map((one) =>
      one.partition === 1 ? { partition: 1, error: unclear } : one,
    );
    return { json: { topicId, partitions } };
  };
  const { server, producer } = await start(produceScript(half));
  await Promise.all([0, 1, 2].map((partition) => producer.send(send(partition, 'a'))));
  const [first, second] = server.produced();
  expect(sentBatches(first!).map(({ partition }) => partition)).toEqual([0, 1, 2]);
  expect(sentBatches(second!).map(({ partition }) => partition)).toEqual([1]);
});

test('a batch that was written long ago counts as written, at an unknown offset', async () => {
  const duplicate = (request: Received) =>
    refusal(request, { errorCode: 'DUPLICATE_SEQUENCE_NUMBER', retriable: false, outcome: 'written' });
  const { producer } = await start(produceScript(() => ({ close: true }), duplicate));
  expect(await producer.send(send(0, 'a', 'b'))).toMatchObject([{ offset: -1 }, { offset: -1 }]);
});

test('a failed batch states its outcome, and what follows begins a new producer id', async () => {
  const tooLarge = (request: Received) =>
    refusal(request, { errorCode: 'MESSAGE_TOO_LARGE', status: 413, retriable: false, outcome: 'not-written' });
  const { server, producer } = await start(produceScript(undefinedOnce(), tooLarge));
  await producer.send(send(0, 'a'));
  const failing = producer.send(send(0, 'b', 'c'));
  await expect(failing).rejects.toMatchObject({ errorCode: 'MESSAGE_TOO_LARGE', outcome: 'not-written', status: 413 });
  await producer.send(send(0, 'd'));
  expect(sequencesOf(server.produced(), 0)).toEqual([
    [100, 0, 1],
    [100, 1, 2],
    [101, 0, 1],
  ]);
});

function undefinedOnce() {
  return () => undefined;
}

test('a partition that failed leaves the others their producer id and sequences', async () => {
  const refuse = (request: Received) =>
    refusal(request, { errorCode: 'INVALID_RECORD', status: 400, retriable: false, outcome: 'not-written' });
  const { server, producer } = await start(produceScript(undefinedOnce(), refuse));
  await Promise.all([producer.send(send(0, 'a')), producer.send(send(1, 'a'))]);
  await producer.send(send(0, 'b')).catch(() => {});
  await Promise.all([producer.send(send(0, 'c')), producer.send(send(1, 'c'))]);
  expect(sequencesOf(server.produced(), 1)).toEqual([
    [100, 0, 1],
    [100, 1, 1],
  ]);
  expect(sequencesOf(server.produced(), 0).at(-1)).toEqual([101, 0, 1]);
});

test('deliveryTimeoutMs ends the retries, with an unknown outcome because one try was never answered', async () => {
  const silent: Script = (request) => (isProduce(request) ? { close: true } : undefined);
  const { producer } = await start(silent, { deliveryTimeoutMs: 150 });
  const startedMs = performance.now();
  await expect(producer.send(send(0, 'a'))).rejects.toMatchObject({ outcome: 'unknown', topic: 't', partition: 0 });
  expect(performance.now() - startedMs).toBeLessThan(1000);
});

test('a send that was only ever refused is not written', async () => {
  const busy: Script = (request) => (isProduce(request) ? { status: 429, text: '' } : undefined);
  const { producer } = await start(busy, { deliveryTimeoutMs: 150 });
  await expect(producer.send(send(0, 'a'))).rejects.toMatchObject({ errorCode: 'THROTTLED', outcome: 'not-written' });
});

test('a refusal after a lost reply does not hide that the first try may have been written', async () => {
  const forbidden = () => ({ status: 403, json: { message: 'Forbidden' } });
  const { producer } = await start(produceScript(() => ({ close: true }), forbidden));
  await expect(producer.send(send(0, 'a'))).rejects.toMatchObject({ errorCode: 'FORBIDDEN', outcome: 'unknown' });
});

test('a send is not written when no connection was ever made', async () => {
  const { server, producer } = await start(undefined, { deliveryTimeoutMs: 100 });
  await producer.send(send(0, 'a'));
  await server.close();
  await expect(producer.send(send(0, 'b'))).rejects.toMatchObject({ retriable: true });
});

test('after a lost history the same records are sent under a new producer id, from sequence 0', async () => {
  const unknownId = (request: Received) =>
    refusal(request, { errorCode: 'UNKNOWN_PRODUCER_ID', retriable: false, outcome: 'not-written' });
  const { server, producer } = await start(produceScript(undefinedOnce(), unknownId));
  await producer.send(send(0, 'a'));
  expect(await producer.send(send(0, 'b', 'c'))).toMatchObject([{ offset: 1 }, { offset: 2 }]);
  expect(sequencesOf(server.produced(), 0)).toEqual([
    [100, 0, 1],
    [100, 1, 2],
    [101, 0, 2],
  ]);
});

test('after a lost history the producer id is kept while a copy of the batch may still be on its way', async () => {
  const gap = (request: Received) =>
    refusal(request, { errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER', retriable: true, outcome: 'not-written' });
  const { server, producer } = await start(produceScript(undefinedOnce(), () => ({ close: true }), gap));
  await producer.send(send(0, 'a'));
  await producer.send(send(0, 'b'));
  expect(sequencesOf(server.produced(), 0)).toEqual([
    [100, 0, 1],
    [100, 1, 1],
    [100, 1, 1],
    [100, 1, 1],
  ]);
});

const fenced = (request: Received) =>
  refusal(request, { errorCode: 'INVALID_PRODUCER_EPOCH', retriable: false, outcome: 'not-written' });

test('a producer that another writer locks out continues under new ids until one is free, in the old order', async () => {
  const script = produceScript(undefinedOnce(), fenced, fenced, fenced);
  const { server, producer } = await start(script, { lingerMs: 0, batchSize: 1 });
  await producer.send(send(0, 'a'));
  const sends = ['b', 'c'].map((value) => producer.send(send(0, value)));
  expect((await Promise.all(sends)).flat()).toMatchObject([{ offset: 1 }, { offset: 2 }]);
  expect(sequencesOf(server.produced(), 0).slice(-2)).toEqual([
    [103, 0, 1],
    [103, 1, 1],
  ]);
});

test('a producer that is locked out reports what may be written as unknown, and writes nothing twice', async () => {
  const { server, producer } = await start(produceScript(undefinedOnce(), () => ({ close: true }), fenced));
  await producer.send(send(0, 'a'));
  await expect(producer.send(send(0, 'b'))).rejects.toMatchObject({
    errorCode: 'INVALID_PRODUCER_EPOCH',
    outcome: 'unknown',
  });
  expect(server.produced()).toHaveLength(3);
  await producer.send(send(0, 'c'));
  expect(sequencesOf(server.produced(), 0).at(-1)).toEqual([101, 0, 1]);
});

test('the batches behind an unanswered first one wait until its outcome is known', async () => {
  let requests = 0;
  const script: Script = (request) => {
    if (!isProduce(request)) return undefined;
    // The first request is lost. Then all under the first id are refused, the second before the first is answered.
    if (++requests === 1) return { close: true, afterMs: 60 };
    return sequencesOf([request], 0)[0]![0] === 100 ? fenced(request) : undefined;
  };
  const { server, producer } = await start(script, { lingerMs: 0, maxInFlightPerPartition: 3 });
  const first = producer.send(send(0, 'a'));
  await untilProduced(server, 1);
  const second = producer.send(send(0, 'b'));
  await expect(first).rejects.toMatchObject({ errorCode: 'INVALID_PRODUCER_EPOCH', outcome: 'unknown' });
  expect(await second).toMatchObject([{ offset: 0 }]);
  const renewed = sequencesOf(server.produced(), 0).filter(([producerId]) => producerId > 100);
  expect(renewed).toEqual([[101, 0, 1]]);
});

test('one request at a time carries records of a partition, and requests for others run beside it', async () => {
  const slowFirst = produceScript((request) => ({ ...ack(request, () => 0), afterMs: 150 }));
  const { server, producer } = await start(slowFirst, { lingerMs: 0 });
  const first = producer.send(send(0, 'a'));
  await untilProduced(server, 1);
  const others = [producer.send(send(0, 'b')), producer.send(send(1, 'c'))];
  await others[1];
  expect(server.produced().map((request) => sentBatches(request).map(({ partition }) => partition))).toEqual([
    [0],
    [1],
  ]);
  await Promise.all([first, ...others]);
  expect(sequencesOf(server.produced(), 0)).toEqual([
    [100, 0, 1],
    [100, 1, 1],
  ]);
});

test('with maxInFlightPerPartition, a later batch that arrives first is repeated until its turn comes', async () => {
  let next = 0;
  const inOrder = (request: Received): Reply | undefined => {
    const [[, sequence, records]] = sequencesOf([request], 0) as [[number, number, number]];
    if (sequence !== next) {
      return refusal(request, { errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER', retriable: true, outcome: 'not-written' });
    }
    next += records;
    return ack(request, () => sequence);
  };
  let first = true;
  const script: Script = (request) => {
    if (!isProduce(request)) return undefined;
    if (!first) return inOrder(request);
    first = false;
    return { status: 503, text: '', afterMs: 60 };
  };
  const { server, producer } = await start(script, { lingerMs: 0, maxInFlightPerPartition: 3 });
  const sends: Promise<unknown>[] = [];
  for (const value of ['a', 'b', 'c']) {
    sends.push(producer.send(send(0, value)));
    await untilProduced(server, sends.length);
  }
  expect((await Promise.all(sends)).flat()).toMatchObject([{ offset: 0 }, { offset: 1 }, { offset: 2 }]);
  expect(new Set(sequencesOf(server.produced(), 0).map(String))).toEqual(new Set(['100,0,1', '100,1,1', '100,2,1']));
});

async function untilProduced(server: ScriptedServer, count: number): Promise<void> {
  await expect.poll(() => server.produced().length, { interval: 2 }).toBeGreaterThanOrEqual(count);
}

test('without idempotence no producer id is requested', async () => {
  const { server, producer } = await start(undefined, { idempotent: false });
  await producer.send(send(0, 'a'));
  expect(server.received.filter(isProducerId)).toEqual([]);
  expect(sequencesOf(server.produced(), 0)).toEqual([[-1, -1, 1]]);
});

test('a send to a topic that does not exist fails, and sends to another topic go on', async () => {
  const missing = { status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: false, detail: 'no such topic' };
  const { producer } = await start((request) =>
    request.path === '/v1/topics/nowhere' ? { status: 404, json: missing } : undefined,
  );
  const lost = producer.send({ topic: 'nowhere', messages: [{ value: 'a' }] });
  await expect(lost).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    outcome: 'not-written',
    topic: 'nowhere',
  });
  expect(await producer.send(send(0, 'a'))).toHaveLength(1);
});

test('a partition beyond the known ones is refused only after the topic was read again', async () => {
  let partitions = 2;
  const { producer } = await start((request) =>
    request.method === 'GET' ? { json: { topic: 't', topicId, partitions, config: [] } } : undefined,
  );
  await expect(producer.send(send(2, 'a'))).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    outcome: 'not-written',
    message: expect.stringContaining('partition: expected a partition of t from 0 to 1, got 2'),
  });
  partitions = 3;
  expect(await producer.send(send(2, 'a'))).toMatchObject([{ partition: 2 }]);
});

test('an answer that knows fewer partitions than the topic itself is not believed', async () => {
  const behind = (request: Received) =>
    refusal(request, {
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
      status: 404,
      retriable: false,
      outcome: 'not-written',
    });
  const { producer } = await start(produceScript(behind, behind));
  expect(await producer.send(send(0, 'a'))).toMatchObject([{ offset: 0 }]);
});

test('a re-created topic refuses records for the old topic, and later sends go to the new one', async () => {
  const newId = 'BBBBBBBBBBBBBBBBBBBBBB';
  let current = topicId;
  const { server, producer } = await start((request) => {
    if (request.method === 'GET') return { json: { topic: 't', topicId: current, partitions: 1, config: [] } };
    if (!isProduce(request) || request.query.get('topicId') === current) return undefined;
    const error = {
      errorCode: 'INCONSISTENT_TOPIC_ID',
      status: 409,
      retriable: false,
      outcome: 'not-written',
      detail: '',
    };
    return { status: 409, json: error };
  });
  await producer.send(send(0, 'a'));
  current = newId;
  await expect(producer.send(send(0, 'b'))).rejects.toMatchObject({ errorCode: 'INCONSISTENT_TOPIC_ID', topic: 't' });
  await producer.send(send(0, 'c'));
  expect(server.produced().at(-1)?.query.get('topicId')).toBe(newId);
});

test('buffer memory bounds what is under way, and every send gets its turn', async () => {
  const slow: Script = (request) => (isProduce(request) ? { ...ack(request, () => 0), afterMs: 10 } : undefined);
  const { server, producer } = await start(slow, { bufferMemory: 10_000, lingerMs: 60_000 });
  const sends = Array.from({ length: 40 }, (_, i) => producer.send(send(i % 4, 'x'.repeat(2000))));
  // A send that is larger than the whole memory is sent alone.
  sends.push(producer.send(send(0, 'x'.repeat(20_000))));
  await producer.flush();
  await Promise.all(sends);
  const sizes = server.produced().map(({ body }) => body.length);
  expect(Math.max(...sizes.slice(0, -1))).toBeLessThan(10_000);
  expect(sizes.at(-1)).toBeGreaterThan(20_000);
});

test('flush sends lingering batches, and disconnect flushes and refuses later sends', async () => {
  const { producer } = await start(undefined, { lingerMs: 60_000 });
  const lingering = producer.send(send(0, 'a'));
  await producer.flush();
  expect(await lingering).toHaveLength(1);
  const last = producer.send(send(0, 'b'));
  await producer.disconnect();
  expect(await last).toHaveLength(1);
  await expect(producer.send(send(0, 'c'))).rejects.toMatchObject({
    errorCode: 'CLIENT_CLOSED',
    outcome: 'not-written',
  });
});

test('the error of a send that failed in part has the result of each message', async () => {
  const half = (request: Received) => {
    const reply = ack(request, () => 10) as { json: { partitions: { partition: number }[] } };
    const error = { errorCode: 'INVALID_RECORD', status: 400, retriable: false, outcome: 'not-written', detail: 'no' };
    return {
      json: {
        topicId,
        partitions: reply.json.partitions.map((one) => (one.partition === 1 ? { ...one, error } : one)),
      },
    };
  };
  const { producer } = await start(produceScript(half));
  const messages = [0, 1, 0].map((partition) => ({ partition, value: 'v' }));
  const failing = producer.send({ topic: 't', messages });
  await expect(failing).rejects.toMatchObject({
    errorCode: 'INVALID_RECORD',
    outcome: 'unknown',
    results: [{ offset: 10 }, { errorCode: 'INVALID_RECORD', partition: 1, outcome: 'not-written' }, { offset: 11 }],
  });
});

const nowhere: Script = ({ path }) =>
  path === '/v1/topics/nowhere'
    ? { status: 404, json: { status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', detail: 'no such topic' } }
    : undefined;

test('the error of a batch with a missing topic has the result of each message, and one outcome for all', async () => {
  const { producer } = await start(nowhere);
  const lost = { topic: 'nowhere', messages: [{ value: 'a' }] };
  const error = { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'nowhere', outcome: 'not-written' };
  await expect(producer.sendBatch({ topicMessages: [lost, send(0, 'b', 'c'), lost] })).rejects.toMatchObject({
    ...error,
    outcome: 'unknown',
    results: [error, { topic: 't', offset: 0 }, { topic: 't', offset: 1 }, error],
  });
  await expect(producer.sendBatch({ topicMessages: [lost, lost] })).rejects.toMatchObject({
    ...error,
    results: [error, error],
  });
});

test('a batch with an invalid message sends nothing, and its error names the message', async () => {
  const { server, producer } = await start();
  const bad = { topic: 't', messages: [{ value: 'b' }, { value: 7 as unknown as string }] };
  await expect(producer.sendBatch({ topicMessages: [send(0, 'a'), bad] })).rejects.toMatchObject({
    errorCode: 'INVALID_RECORD',
    outcome: 'not-written',
    detail: 'topicMessages[1].messages[1].value: expected text, bytes or null, got number',
  });
  await producer.flush();
  expect(server.produced()).toEqual([]);
});

test('partitionsFor returns the number of partitions of a topic, and later sends use it', async () => {
  const { server, producer } = await start();
  expect(await producer.partitionsFor('t')).toBe(4);
  expect(await producer.partitionsFor('t')).toBe(4);
  await producer.send({ topic: 't', messages: [{ value: 'a' }] });
  expect(server.received.filter(({ method }) => method === 'GET')).toHaveLength(1);
});

test('an empty send is done immediately', async () => {
  const { server, producer } = await start();
  expect(await producer.send({ topic: 't', messages: [] })).toEqual([]);
  expect(server.received).toEqual([]);
});

test('a producer id that is refused fails the send, as not written', async () => {
  const { producer } = await start((request) => (isProducerId(request) ? { status: 403, text: 'no' } : undefined));
  await expect(producer.send(send(0, 'a'))).rejects.toMatchObject({ errorCode: 'FORBIDDEN', outcome: 'not-written' });
});

test('an option out of bounds is refused by name', async () => {
  const rivulet = new Rivulet({ url: 'http://localhost:1' });
  expect(() => rivulet.producer({ maxInFlightPerPartition: 6 })).toThrow(
    /maxInFlightPerPartition: .* from 1 to 5, got 6/,
  );
  expect(() => rivulet.producer({ batchSize: Number.NaN })).toThrow(/batchSize: .*NaN/);
});
