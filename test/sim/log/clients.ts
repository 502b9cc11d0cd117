// The clients of a simulated world behave as the SDK does. A producer sends one batch at a time to a partition, and
// repeats the same bytes, at whichever process answers, until it knows the outcome. A reader continues from where it
// was.
import type { Engine } from '../../../lib/api/engine.ts';
import { type Outcome, RivuletError } from '../../../lib/api/errors.ts';
import type { AppendAck, PartitionError, PartitionRecords } from '../../../lib/api/records.ts';
import { decodeBatch, encodeBatch } from '../../../lib/record/batch.ts';
import { readBatchHeader, splitBatches } from '../../../lib/record/batch-header.ts';
import type { Process } from '../core/process.ts';
import type { Random } from '../core/random.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { type History, outcomeOf, type PlacedRecord, type Poll, type Send } from './history.ts';

export type Surroundings = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly processes: readonly Process[];
  readonly history: History;
  trace(line: string): void;
};

export const simulatedTopic = 't';
const requestTimeoutMs = 30_000;
const mostTries = 12;

export const pauseFor = ({ scheduler }: Surroundings, ms: number) =>
  new Promise<void>((resolve) => scheduler.after(ms, resolve));

const text = (value: string) => new TextEncoder().encode(value);

export type ProducerState = { readonly producerId: number; sequence: number };

/** One try. It returns the offset of the write, or the error. */
type Operation = (engine: Engine) => Promise<{ readonly offset: number } | { readonly error: RivuletError }>;

/** Sends once and repeats, until the send is acknowledged or refused for good, or the client gives up. */
export async function send(world: Surroundings, send: Send, producer: ProducerState | undefined): Promise<void> {
  const identity = producer && { producerId: producer.producerId, producerEpoch: 0, baseSequence: producer.sequence };
  const batches = encodeBatch(
    send.values.map((value) => ({ key: null, value: text(value), headers: [], timestampMs: world.scheduler.now() })),
    identity ?? {},
  );
  const { partition, expectedOffset } = send;
  const part = { partition, batches, ...(expectedOffset !== undefined && { expectedOffset }) };
  await deliver(world, send, async (engine) => {
    const { partitions } = await engine.append({ topic: simulatedTopic, partitions: [part] });
    const [answer] = partitions as [AppendAck | { error: RivuletError }];
    return 'error' in answer ? answer : { offset: answer.baseOffset };
  });
  if (producer) producer.sequence += send.values.length;
}

/** Does the same for records with an Idempotency-Key, which is their first value. */
export function sendByKey(world: Surroundings, send: Send): Promise<void> {
  const { partition, values } = send;
  const records = values.map((value) => ({ partition, key: null, value: text(value), headers: [] }));
  return deliver(world, send, async (engine) => {
    const request = { topic: simulatedTopic, records, idempotencyKey: values[0]! };
    return (await engine.appendRecords(request)).records[0]!;
  });
}

async function deliver(world: Surroundings, send: Send, operation: Operation): Promise<void> {
  world.history.sends.push(send);
  for (let tries = 0; tries < mostTries; tries++) {
    const told = await tryOnce(world, send, operation);
    send.tries.push(told);
    send.endedMs = world.scheduler.now();
    world.trace(`${send.client} ${send.values[0]} is told ${told}`);
    if (typeof told === 'number' || told === 'written' || isRefusedForGood(send)) break;
    await pauseFor(world, world.random.below(500));
  }
}

/** A conditional append that met another offset, and certainly did not happen, is over. */
const isRefusedForGood = (send: Send) => send.expectedOffset !== undefined && send.tries.at(-1) === 'not-written';

async function tryOnce(world: Surroundings, send: Send, operation: Operation): Promise<number | Outcome | 'lost'> {
  const process = world.random.pick(world.processes);
  send.triedMs?.push(world.scheduler.now());
  const result = await process.request(operation, requestTimeoutMs);
  const nowMs = world.scheduler.now();
  send.answeredMs?.push(nowMs);
  if (result === 'lost') return 'lost';
  const answer = 'error' in result ? result : result.reply;
  return 'error' in answer ? outcomeOf(send, answer.error, nowMs) : answer.offset;
}

/** Registers a new idempotent producer. The result is undefined if the client could not get one. */
export async function register(world: Surroundings): Promise<ProducerState | undefined> {
  for (let tries = 0; tries < mostTries; tries++) {
    const result = await world.random.pick(world.processes).request((engine) => engine.newProducer(), requestTimeoutMs);
    if (result !== 'lost' && 'reply' in result) return { producerId: result.reply.producerId, sequence: 0 };
    await pauseFor(world, world.random.below(500));
  }
  return undefined;
}

/** Reads once from `offset`, and returns the offset at which to continue. */
export async function poll(
  world: Surroundings,
  client: string,
  partition: number,
  offset: number,
  waitMs: number,
): Promise<number> {
  const begunMs = world.scheduler.now();
  const request = { topic: simulatedTopic, partitions: [{ partition, offset }], waitMs, maxBytes: 2_000 };
  const result = await world.random.pick(world.processes).request((engine) => engine.fetch(request), requestTimeoutMs);
  if (result === 'lost' || 'error' in result) return offset;
  const seen = { client, partition, offset, begunMs, endedMs: world.scheduler.now() };
  return notePoll(world.history, seen, result.reply.partitions[0]!);
}

type Seen = Pick<Poll, 'client' | 'partition' | 'offset' | 'begunMs' | 'endedMs'>;

/** Records the answer to a read, and returns the offset at which to continue: the log start, if it lies above. */
export function notePoll({ polls, damage }: History, seen: Seen, answer: PartitionRecords | PartitionError): number {
  const { offset } = seen;
  if ('error' in answer) {
    const { errorCode, extra, message } = answer.error;
    if (errorCode === 'CORRUPT_LOG') damage?.push(`${seen.client} at ${offset}: ${message}`);
    if (errorCode !== 'OFFSET_OUT_OF_RANGE') return offset;
    const [logStart, highWatermark] = [Number(extra.logStartOffset), Number(extra.highWatermark)];
    polls.push({ ...seen, logStart, highWatermark, records: [] });
    return Math.max(offset, logStart);
  }
  const { highWatermark, logStartOffset: logStart } = answer;
  const next = Math.max(offset, endOf(answer) ?? offset);
  const records = recordsOf(answer).filter((record) => record.offset >= offset);
  polls.push({ ...seen, logStart, highWatermark, next, records });
  return next;
}

/** Reads the log of a partition from its start to its end, or to where it cannot be read. */
export async function readAsFarAsPossible(engine: Engine, partition: number) {
  const log: PlacedRecord[] = [];
  for (let offset = 0; ; ) {
    const request = { topic: simulatedTopic, partitions: [{ partition, offset }] };
    const answer = await engine.fetch(request).then(
      ({ partitions }) => partitions[0]!,
      (error: unknown) => ({ error }),
    );
    const start = logStartIn(answer);
    const end = 'error' in answer ? start : endOf(answer);
    if ('error' in answer && start === undefined) return { log, error: answer.error };
    if (!('error' in answer)) log.push(...recordsOf(answer).filter((record) => record.offset >= offset));
    if (end === undefined || end <= offset) return { log };
    offset = end;
  }
}

export async function readLog(engine: Engine, partition: number): Promise<PlacedRecord[]> {
  const { log, error } = await readAsFarAsPossible(engine, partition);
  if (error) throw error;
  return log;
}

const logStartIn = (answer: object): number | undefined =>
  'error' in answer && answer.error instanceof RivuletError && answer.error.errorCode === 'OFFSET_OUT_OF_RANGE'
    ? Number(answer.error.extra.logStartOffset)
    : undefined;

export const recordsOf = ({ batches }: PartitionRecords): PlacedRecord[] =>
  batches.flatMap((bytes) => decodedRecords(bytes));

/** A tombstone has its name in a header. */
export function decodedRecords(bytes: Uint8Array): PlacedRecord[] {
  const name = (value: Uint8Array | null | undefined) => new TextDecoder().decode(value!);
  return splitBatches(bytes).flatMap(({ from }) =>
    decodeBatch(bytes, from).records.map(({ offset, value, headers }) => ({
      offset,
      value: name(value ?? headers[0]?.value),
    })),
  );
}

/** The offset after the last batch, at which a reader goes on. Compaction may have left no record in it. */
const endOf = ({ batches }: PartitionRecords): number | undefined => {
  const last = batches.at(-1);
  if (!last) return undefined;
  const { baseOffset, lastOffsetDelta } = readBatchHeader(last);
  return baseOffset + lastOffsetDelta + 1;
};
