// These are the actors of the small worlds. They repeat as the SDK does, at the next process each time, and record
// every answer.

import type { Engine } from '../../../../lib/api/engine.ts';
import type { Outcome } from '../../../../lib/api/errors.ts';
import type { AppendAck, PartitionError } from '../../../../lib/api/records.ts';
import { createEngine } from '../../../../lib/engine.ts';
import type { Operation, Process } from '../../core/process.ts';
import type { Scheduler } from '../../core/scheduler.ts';
import { notePoll, simulatedTopic } from '../clients.ts';
import { type History, outcomeOf, type Send } from '../history.ts';
import {
  after,
  batchOf,
  headOf,
  type Identity,
  keyedBy,
  type Stage,
  type Stores,
  stillClock,
  valuesOf,
  wrote,
} from './stage.ts';

export type Cast = {
  readonly scheduler: Scheduler;
  readonly processes: readonly Process[];
  readonly history: History;
  /** The stores without any fault or delay. */
  readonly stores: Stores;
  /** The topic of each acknowledgement. A topic that is re-created has a history of its own. */
  readonly topicOf: Map<Send, string>;
  /** The times at which the deletion of each topic was answered, by id. */
  readonly deletedMs: Map<string, number>;
  trace(line: string): void;
};

export type Actor = (cast: Cast) => Promise<void>;

type Answer<T> = { readonly reply: T } | { readonly error: unknown } | 'lost';

const requestTimeoutMs = 30_000;
const mostTries = 12;
const pauseMs = 100;

export const pause = ({ scheduler }: Cast, ms: number) =>
  new Promise<void>((resolve) => scheduler.after(ms, () => resolve()));

/** Asks the processes in turn, from `at` on, until one gives an answer that is enough. */
export async function persist<T>(
  cast: Cast,
  at: number,
  operation: Operation<T>,
  isEnough: (answer: Answer<T>) => boolean,
): Promise<void> {
  for (let tries = 0; tries < mostTries; tries++) {
    const process = cast.processes[(at + tries) % cast.processes.length]!;
    if (isEnough(await process.request(operation, requestTimeoutMs))) return;
    await pause(cast, pauseMs);
  }
}

type Told = number | Outcome | 'lost';

const refused = (cast: Cast, send: Send, error: unknown): Outcome => outcomeOf(send, error, cast.scheduler.now());

function note(cast: Cast, send: Send, told: Told): void {
  send.tries.push(told);
  send.endedMs = cast.scheduler.now();
  cast.trace(`${send.client} ${send.values[0]} is told ${told}`);
}

const isOver = ({ tries, expectedOffset }: Send) =>
  typeof tries.at(-1) === 'number' ||
  tries.at(-1) === 'written' ||
  (expectedOffset !== undefined && tries.at(-1) === 'not-written');

type Part = { readonly send: Send; readonly batches: Uint8Array };

/** Sends one request for all parts. Parts that are not known to be written are sent again. */
async function deliver(cast: Cast, at: number, parts: readonly Part[]): Promise<void> {
  cast.history.sends.push(...parts.map(({ send }) => send));
  let open = parts;
  const request = (engine: Engine) => {
    for (const { send } of open) send.triedMs?.push(cast.scheduler.now());
    return engine.append({
      topic: simulatedTopic,
      partitions: open.map(({ send: { partition, expectedOffset }, batches }) => ({
        partition,
        batches,
        ...(expectedOffset !== undefined && { expectedOffset }),
      })),
    });
  };
  await persist(cast, at, request, (answer) => {
    for (const [i, { send }] of open.entries()) {
      if (answer === 'lost') note(cast, send, 'lost');
      else if ('error' in answer) note(cast, send, refused(cast, send, answer.error));
      else notePart(cast, send, answer.reply.topicId, answer.reply.partitions[i]!);
    }
    open = open.filter(({ send }) => !isOver(send));
    return open.length === 0;
  });
}

function notePart(cast: Cast, send: Send, topicId: string, answer: AppendAck | PartitionError): void {
  if (!('error' in answer)) cast.topicOf.set(send, topicId);
  note(cast, send, 'error' in answer ? refused(cast, send, answer.error) : answer.baseOffset);
}

export type WriterOptions = {
  /** The process that is asked first. */
  readonly at: number;
  /** Each batch goes to all of these partitions in one request. The default is [0]. */
  readonly partitions?: readonly number[];
  readonly batches?: number;
  /** The number of records in each batch. The default is 2. */
  readonly records?: number;
  /** The identity of the first batch. Without it, the writer has no producer id. */
  readonly identity?: Identity;
  /** The number of batches that this writer wrote earlier. */
  readonly order?: number;
  readonly expectedOffset?: number;
  /** The key of all records, in a compacted topic. */
  readonly key?: string;
  readonly isTombstone?: boolean;
  /** The writer sends a batch without waiting for the one before, as Kafka's clients do up to five times. */
  readonly isAhead?: boolean;
};

/** Writes batch after batch. A batch that is not acknowledged is the last. */
export function writer(client: string, options: WriterOptions): Actor {
  const { at, batches = 1, records = 2, order = 0, isAhead = false } = options;
  return async (cast) => {
    let identity = options.identity;
    const going: Promise<void>[] = [];
    for (let i = 0; i < batches; i++) {
      const parts = (options.partitions ?? [0]).map((partition) =>
        partOf(cast, client, partition, order + i, identity, options),
      );
      going.push(deliver(cast, isAhead ? at + i : at, parts));
      if (!isAhead) await going[i];
      if (!isAhead && parts.some(({ send }) => typeof send.tries.at(-1) !== 'number')) return;
      identity &&= after(identity, records);
    }
    await Promise.all(going);
  };
}

function partOf(
  cast: Cast,
  client: string,
  partition: number,
  order: number,
  identity: Identity | undefined,
  { records = 2, expectedOffset, ...traits }: WriterOptions,
): Part {
  const nowMs = cast.scheduler.now();
  const values = valuesOf(client, partition, order, records);
  const keyed = keyedBy(values, traits);
  const send: Send = {
    client,
    order,
    partition,
    values,
    ...keyed,
    idempotent: identity !== undefined,
    ...(identity && { producer: { id: identity.producerId, epoch: identity.producerEpoch } }),
    ...(expectedOffset !== undefined && { expectedOffset }),
    begunMs: nowMs,
    triedMs: [],
    tries: [],
    gapsMs: [],
    endedMs: nowMs,
  };
  return { send, batches: batchOf(values, nowMs, identity, keyed) };
}

/** Returns a write of the past in the form in which this case's history has it. */
function takeBack({ history: { sends } }: Cast, past: Send): Send {
  const at = sends.findIndex(({ values }) => values[0] === past.values[0]);
  return sends.splice(at, 1)[0]!;
}

/** Sends once more a batch that was acknowledged long ago. The answer must be the same. */
export const repeater =
  (past: Send, at: number, identity: Identity): Actor =>
  async (cast) => {
    const send = takeBack(cast, past);
    await deliver(cast, at, [{ send, batches: batchOf(send.values, send.begunMs, identity) }]);
  };

/** Appends with an Idempotency-Key, as often as it takes, or sends again what was acknowledged with that key. */
export const keyedWriter =
  (client: string, at: number, past?: Send): Actor =>
  async (cast) => {
    const newOne = () => partOf(cast, client, 0, 0, { producerId: 0, producerEpoch: 0, baseSequence: 0 }, { at }).send;
    const send = past ? takeBack(cast, past) : newOne();
    cast.history.sends.push(send);
    const request = (engine: Engine) => {
      send.triedMs?.push(cast.scheduler.now());
      return engine.appendRecords({
        topic: simulatedTopic,
        idempotencyKey: send.values[0]!,
        records: send.values.map((value) => ({
          partition: 0,
          key: null,
          value: new TextEncoder().encode(value),
          headers: [],
        })),
      });
    };
    await persist(cast, at, request, (answer) => {
      const first = answer === 'lost' || 'error' in answer ? answer : answer.reply.records[0]!;
      note(cast, send, first === 'lost' ? 'lost' : 'error' in first ? refused(cast, send, first.error) : first.offset);
      return isOver(send);
    });
  };

/**
 * Other clients without any fault or delay. They append until everything that was in the tail has left it, in no time.
 */
export const crowd =
  (stage: Pick<Stage, 'topicId'>): Actor =>
  async (cast) => {
    const nowMs = cast.scheduler.now();
    const engine = createEngine({ ...cast.stores, clock: stillClock(nowMs, nowMs % 1_000_000) });
    const { next } = await headOf({ ...cast.stores, topicId: stage.topicId });
    const others = { ...stage, ...cast.stores, engine, sends: cast.history.sends, atMs: nowMs };
    const seen = { ...cast.stores, topicId: stage.topicId };
    for (let i = 0; (await headOf(seen)).tailBase < next; i++) await wrote(others, `crowd${nowMs}.${i}`);
    cast.trace('a crowd has filled the tail');
  };

/** Continues from where it was, about four batches at a time. */
export const reader =
  (client: string, at: number, polls: number, from: number): Actor =>
  async (cast) => {
    let offset = from;
    for (let i = 0; i < polls; i++) {
      const begunMs = cast.scheduler.now();
      const request = { topic: simulatedTopic, partitions: [{ partition: 0, offset }], waitMs: 40, maxBytes: 350 };
      const process = cast.processes[at % cast.processes.length]!;
      const answer = await process.request((engine) => engine.fetch(request), requestTimeoutMs);
      if (answer === 'lost' || 'error' in answer) continue;
      const seen = { client, partition: 0, offset, begunMs, endedMs: cast.scheduler.now() };
      offset = notePoll(cast.history, seen, answer.reply.partitions[0]!);
    }
  };
