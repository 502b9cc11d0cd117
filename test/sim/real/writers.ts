// A real world has two kinds of writers. One writes through the SDK, which repeats by itself and reports the outcome.
// The others send signed requests of their own, so that the history has every try and its answer.
import { setTimeout as sleep } from 'node:timers/promises';
import { errorOfProblem, isClientError, type RivuletClientError } from '../../../client/client-error.ts';
import { produceResults } from '../../../client/producer/produce-answer.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Answer, errorOfAnswer } from '../../../client/transport/connection.ts';
import type { Outcome } from '../../../lib/api/errors.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import { BATCHES_MEDIA_TYPE, encodeProduceFrames } from '../../../lib/record/frames.ts';
import type { Send } from '../log/history.ts';
import { type SignedRequest, sendSigned } from './signed-http.ts';
import { below, pick, realTopic, type Surroundings } from './surroundings.ts';

type Told = number | Outcome | 'lost';
type Extra = Partial<Pick<Send, 'expectedOffset' | 'producer'>>;

/**
 * A client gives a send up after this long. It is far more than a killed server needs to come back, also on a machine that
 * is busy with other tests. A count of tries would not be: a server that is down refuses each at once.
 */
const patienceMs = 120_000;
/** With a pause of 150 ms on average, the tries of the SDK last for as long as other clients are patient. */
export const patientRetry = { retries: patienceMs / 150, baseMs: 20, capMs: 300 };

const topicPath = `/v1/topics/${realTopic}`;
const binary = { 'content-type': BATCHES_MEDIA_TYPE };

function newSend(client: string, order: number, partition: number, idempotent: boolean, extra: Extra = {}): Send {
  const values = Array.from({ length: 1 + below(3) }, (_, i) => `${client}/${partition}/${order}.${i}`);
  const nowMs = performance.now();
  return {
    client,
    order,
    partition,
    values,
    idempotent,
    ...extra,
    begunMs: nowMs,
    triedMs: [],
    answeredMs: [],
    tries: [],
    endedMs: nowMs,
  };
}

function tell(send: Send, told: Told): void {
  send.tries.push(told);
  send.endedMs = performance.now();
}

// --- through the SDK

/** Several sends are under way at the same time, to all partitions. After a failed send its producer is replaced. */
export async function steadyProducer(world: Surroundings, client: string): Promise<void> {
  const rivulet = new Rivulet({
    url: pick(world.backend.urls),
    retry: patientRetry,
    requestTimeoutMs: 10_000,
  });
  const producer = rivulet.producer({ lingerMs: 2, maxInFlightPerPartition: 1 + below(5) });
  const orders = Array.from({ length: world.partitions }, () => 0);
  const underWay = new Set<Promise<void>>();
  let failures = 0;
  while (!world.isOver()) {
    const partition = below(world.partitions);
    const next = newSend(failures === 0 ? client : `${client}+${failures}`, orders[partition]!++, partition, true);
    world.history.sends.push(next);
    const answered: Promise<void> = sendBySdk(producer, next).then((ok) => {
      underWay.delete(answered);
      if (!ok) failures++;
    });
    underWay.add(answered);
    await sleep(below(15));
    if (underWay.size >= 6) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  await producer.disconnect();
}

/** @returns whether it was acknowledged. */
async function sendBySdk(producer: ReturnType<Rivulet['producer']>, send: Send): Promise<boolean> {
  const messages = send.values.map((value) => ({ value, partition: send.partition }));
  try {
    const results = await producer.send({ topic: realTopic, messages });
    tell(send, results[0]!.offset < 0 ? 'written' : results[0]!.offset);
    return true;
  } catch (error) {
    if (!isClientError(error)) throw error;
    tell(send, outcomeOf(error));
    return false;
  }
}

// --- by requests of their own

/** This client has no producer id, so each try may write. */
export async function anonymousProducer(world: Surroundings, client: string): Promise<void> {
  for (let order = 0; !world.isOver(); order++) {
    const next = newSend(client, order, below(world.partitions), false);
    await sendUntilTold(world, next, produce(next));
    await sleep(below(50));
  }
}

/** A producer for each batch, which is sometimes repeated long after it was acknowledged. */
export async function oneShotProducer(world: Surroundings, client: string): Promise<void> {
  const repeats: Promise<void>[] = [];
  for (let life = 0; !world.isOver(); life++) {
    const only = newSend(`${client}.${life}`, 0, below(world.partitions), true);
    const request = produce(only, await register(world));
    await sendUntilTold(world, only, request);
    if (Math.random() < 0.3) repeats.push(repeatLater(world, only, request));
    await sleep(below(50));
  }
  await Promise.all(repeats);
}

async function repeatLater(world: Surroundings, send: Send, request: SignedRequest): Promise<void> {
  await sleep(below(5_000));
  await tryUntilTold(world, send, request);
}

/** This client sends JSON, which only its Idempotency-Key protects from duplicates. */
export async function keyedProducer(world: Surroundings, client: string): Promise<void> {
  for (let life = 0; !world.isOver(); life++) {
    const only = newSend(`${client}.${life}`, 0, below(world.partitions), true);
    await sendUntilTold(world, only, {
      method: 'POST',
      path: `${topicPath}/partitions/${only.partition}/records`,
      headers: { 'content-type': 'application/json', 'idempotency-key': only.client },
      body: JSON.stringify({ records: only.values.map((value) => ({ value })) }),
    });
    await sleep(below(50));
  }
}

/** Appends at the offset that it believes to be next, as an optimistic writer does. */
export async function conditionalProducer(world: Surroundings, client: string): Promise<void> {
  for (let life = 0; !world.isOver(); life++) {
    const partition = below(world.partitions);
    const expectedOffset = await nextOffset(world, partition);
    if (expectedOffset === undefined) continue;
    const id = await register(world);
    const next = newSend(client, life, partition, true, { expectedOffset, producer: { id, epoch: 0 } });
    await sendUntilTold(world, next, produce(next, id));
    await sleep(below(100));
  }
}

async function nextOffset(world: Surroundings, partition: number): Promise<number | undefined> {
  const path = `${topicPath}/offsets?at=latest&partitions=${partition}`;
  const answer = await sendSigned(pick(world.backend.urls), { method: 'GET', path });
  if (answer === 'lost' || answer.status >= 300) return undefined;
  return (jsonOf(answer) as { partitions: { offset: number }[] }).partitions[0]!.offset;
}

/** Registers a new idempotent producer, however long it takes. */
async function register(world: Surroundings): Promise<number> {
  for (;;) {
    const answer = await sendSigned(pick(world.backend.urls), { method: 'POST', path: '/v1/producers' });
    if (answer !== 'lost' && answer.status < 300) return (jsonOf(answer) as { producerId: number }).producerId;
    await sleep(below(300));
  }
}

function produce({ partition, values, expectedOffset }: Send, producerId?: number): SignedRequest {
  const batches = encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), headers: [], timestampMs: Date.now() })),
    producerId === undefined ? {} : { producerId, producerEpoch: 0, baseSequence: 0 },
  );
  const path =
    expectedOffset === undefined
      ? `${topicPath}/records`
      : `${topicPath}/partitions/${partition}/records?expectedOffset=${expectedOffset}`;
  return { method: 'POST', path, headers: binary, body: encodeProduceFrames([{ partition, batches }]) };
}

async function sendUntilTold(world: Surroundings, send: Send, request: SignedRequest): Promise<void> {
  world.history.sends.push(send);
  await tryUntilTold(world, send, request);
}

/**
 * Sends the same bytes to any address until they are acknowledged, refused for another expected offset, or the client
 * loses its patience.
 */
async function tryUntilTold(world: Surroundings, send: Send, request: SignedRequest): Promise<void> {
  const giveUpMs = performance.now() + patienceMs;
  while (performance.now() < giveUpMs) {
    send.triedMs!.push(performance.now());
    const told = await tryOnce(world, send, request);
    send.answeredMs!.push(performance.now());
    tell(send, told);
    if (typeof told === 'number' || told === 'written') return;
    if (told === 'not-written' && send.expectedOffset !== undefined) return;
    await sleep(below(300));
  }
}

async function tryOnce(world: Surroundings, { partition }: Send, request: SignedRequest): Promise<Told> {
  const answer = await sendSigned(pick(world.backend.urls), request);
  if (answer === 'lost') return 'lost';
  const result = request.headers === binary ? produceResults(answer)(partition) : recordResult(answer);
  return isClientError(result) ? outcomeOf(result) : result.baseOffset;
}

/** The result of a JSON produce. All records of a partition are written together. */
function recordResult(answer: Answer): { baseOffset: number } | RivuletClientError {
  if (answer.status >= 300) return errorOfAnswer(answer, true);
  const [first] = (jsonOf(answer) as { records: { offset: number; error?: unknown }[] }).records;
  return errorOfProblem(first!.error) ?? { baseOffset: first!.offset };
}

const jsonOf = ({ body }: Answer): unknown => JSON.parse(body.toString('utf8'));

export function outcomeOf(error: RivuletClientError): Outcome {
  if (error.outcome) return error.outcome;
  throw error;
}
