// A consumer of partitions that it is told to read. Messages come one by one (for await), or to a handler, one by one or
// batch by batch; what a fetch brings is unpacked batch by batch, when its turn has come.
//
// At least once: the position moves when a message is handed over, never before; a handler that throws moves it back.
import { limits } from '../limits.ts';
import { type DecodedRecord, decodeBatch } from '../record/batch.ts';
import {
  type AssignedPartition,
  assignPartition,
  dropReadAhead,
  moveTo,
  type OffsetReset,
  type Start,
} from './assigned-partition.ts';
import { closedError, RivuletClientError } from './client-error.ts';
import { type ConsumedMessage, toMessage } from './message.ts';
import {
  corrupt,
  type FetchContext,
  type Fetched,
  type FetchedBatch,
  type FetchSettings,
  TopicFetcher,
} from './topic-fetcher.ts';
import { wholeOption } from './whole-option.ts';

export type ConsumerOptions = {
  /** Where to begin without an offset, and when the offset is no longer there. `none`: fail. Default latest, as Kafka. */
  readonly autoOffsetReset?: OffsetReset;
  /** Of one answer; at least one batch comes if there is one. Default and most 4 MiB. Up to twice this is held per 256 partitions of a topic. */
  readonly maxBytes?: number;
  readonly maxBytesPerPartition?: number;
  /** The server waits until there are this many. Default 1. */
  readonly minBytes?: number;
  /** How long a poll may grow to wait while nothing flows, milliseconds. Default and most 20,000. */
  readonly maxWaitMs?: number;
  /**
   * How long an idle consumer may pause between two polls, milliseconds; the server then never waits. Default 0: the server
   * waits, and a message comes at once. In AWS a function is billed for the time it waits and not for pauses, so a consumer
   * that mostly waits costs a fraction with 5,000, and a message may be that much late. Most: 60,000.
   */
  readonly maxIdlePauseMs?: number;
};

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** Without an offset: the earliest or latest, as autoOffsetReset says. */
export type Assignment = TopicPartition & { readonly offset?: number };

/** All assigned partitions of the topic, or these. */
export type TopicPartitions = { readonly topic: string; readonly partitions?: readonly number[] };

type MessageBatch = TopicPartition & {
  readonly messages: readonly ConsumedMessage[];
  /** The next offset to be written, when this was fetched. */
  readonly highWatermark: number;
};

export type Handlers =
  | { readonly eachMessage: (message: ConsumedMessage) => Promise<void> | void; readonly eachBatch?: never }
  | { readonly eachBatch: (batch: MessageBatch) => Promise<void> | void; readonly eachMessage?: never };

/** One unpacked batch, from the wanted offset on. */
type OpenBatch = {
  readonly assigned: AssignedPartition;
  readonly term: number;
  readonly records: readonly DecodedRecord[];
  /** The offset after the batch: its last records may have been compacted away. */
  readonly end: number;
  readonly highWatermark: number;
};

export class Consumer implements AsyncIterable<ConsumedMessage> {
  readonly #context: FetchContext;
  readonly #settings: FetchSettings;
  #assigned = new Map<string, AssignedPartition>();
  #fetchers: TopicFetcher[] = [];
  #fetched: Fetched = { batches: [] };
  #wake: (() => void) | undefined;
  #running = false;
  #closed = false;

  constructor(context: FetchContext, options: ConsumerOptions = {}) {
    const maxBytes = limits.fetchBytes;
    this.#context = context;
    this.#settings = {
      autoOffsetReset: options.autoOffsetReset ?? 'latest',
      maxBytes: wholeOption('maxBytes', options.maxBytes, { fallback: maxBytes, min: 1, max: maxBytes }),
      maxBytesPerPartition: wholeOption('maxBytesPerPartition', options.maxBytesPerPartition, {
        fallback: maxBytes,
        min: 1,
        max: maxBytes,
      }),
      minBytes: wholeOption('minBytes', options.minBytes, { fallback: 1, min: 0, max: maxBytes }),
      maxWaitMs: wholeOption('maxWaitMs', options.maxWaitMs, { fallback: limits.waitMs, min: 0, max: limits.waitMs }),
      maxIdlePauseMs: wholeOption('maxIdlePauseMs', options.maxIdlePauseMs, { fallback: 0, min: 0, max: 60_000 }),
    };
  }

  /** Here for KafkaJS's shape: there is nothing to connect. */
  async connect(): Promise<void> {
    this.#closed = false;
  }

  /** Replaces what was assigned. A partition that stays keeps its position, unless an offset is given. */
  assign(assignments: readonly Assignment[]): void {
    const before = this.#assigned;
    const after = new Map<string, AssignedPartition>();
    for (const assignment of assignments) {
      const key = keyOf(assignment);
      after.set(key, this.#assign(assignment, before.get(key)));
    }
    for (const [key, assigned] of before) if (after.get(key) !== assigned) assigned.term++;
    this.#assigned = after;
    if (this.#running) this.#startFetching();
  }

  #assign({ topic, partition, offset }: Assignment, before: AssignedPartition | undefined): AssignedPartition {
    if (before && offset === undefined) return before;
    const { autoOffsetReset } = this.#settings;
    if (offset !== undefined) return assignPartition(topic, partition, wholeOption('offset', offset, offsetBounds));
    if (autoOffsetReset !== 'none') return assignPartition(topic, partition, autoOffsetReset);
    const detail = `offset: must be given for ${topic}-${partition}, because autoOffsetReset is none`;
    throw new RivuletClientError('INVALID_REQUEST', detail, { topic, partition });
  }

  assignment(): TopicPartition[] {
    return [...this.#assigned.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Goes on from that offset, or from the first record whose timestamp is at or after that time (epoch milliseconds). */
  seek(to: TopicPartition & ({ readonly offset: number } | { readonly timestamp: number })): void {
    const target: Start | number =
      'offset' in to
        ? wholeOption('offset', to.offset, offsetBounds)
        : { timestampMs: wholeOption('timestamp', to.timestamp, offsetBounds) };
    moveTo(this.#find(to), target);
    this.#interrupt(to.topic);
  }

  /** Nothing of these partitions is handed over until they are resumed. Their positions stay. */
  pause(topics: readonly TopicPartitions[]): void {
    for (const assigned of this.#select(topics)) {
      assigned.paused = true;
      dropReadAhead(assigned);
    }
  }

  resume(topics: readonly TopicPartitions[]): void {
    for (const assigned of this.#select(topics)) assigned.paused = false;
    for (const { topic } of topics) this.#interrupt(topic);
  }

  /** The offset of the next message to be handed over; undefined while it has not been looked up. */
  position(of: TopicPartition): number | undefined {
    return this.#find(of).position;
  }

  /**
   * Hands everything to the handler until stop(), and resolves then. Rejects with what the handler throws, the position
   * being that of the message, or of the first of the batch, that was thrown at; or with RivuletClientError.
   */
  async run(handlers: Handlers): Promise<void> {
    this.#start();
    try {
      for (let batch = await this.#nextBatch(); batch; batch = await this.#nextBatch()) {
        if (handlers.eachBatch) await this.#handBatch(batch, handlers.eachBatch);
        else await this.#handMessages(batch, handlers.eachMessage);
      }
    } finally {
      this.#halt();
    }
  }

  async #handBatch(batch: OpenBatch, eachBatch: NonNullable<Handlers['eachBatch']>): Promise<void> {
    const { assigned, records, highWatermark, end } = batch;
    const { topic, partition } = assigned;
    const messages = records.map((record) => toMessage(topic, partition, record));
    assigned.position = end;
    await moveBackOnError(batch, records[0]!.offset, () => eachBatch({ topic, partition, messages, highWatermark }));
  }

  async #handMessages(batch: OpenBatch, eachMessage: NonNullable<Handlers['eachMessage']>): Promise<void> {
    for (let i = 0; i < batch.records.length && this.#counts(batch); i++) {
      const message = this.#handOver(batch, i);
      await moveBackOnError(batch, message.offset, () => eachMessage(message));
    }
  }

  /** One at a time. Ends with stop(), or throws RivuletClientError and can then be begun anew. */
  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage, undefined> {
    let batch: OpenBatch | undefined;
    let index = 0;
    const refill = async (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
      try {
        batch = await this.#nextBatch();
      } catch (error) {
        this.#halt();
        throw error;
      }
      index = 1;
      return batch ? { value: this.#handOver(batch, 0), done: false } : end();
    };
    const end = () => {
      this.#halt();
      return { value: undefined, done: true } as const;
    };
    this.#start();
    return {
      next: () =>
        batch && index < batch.records.length && this.#counts(batch)
          ? Promise.resolve({ value: this.#handOver(batch, index++), done: false })
          : refill(),
      return: () => Promise.resolve(end()),
    };
  }

  /** Ends run() and iterations, at once even in the middle of a long poll; the positions stay. */
  async stop(): Promise<void> {
    this.#halt();
  }

  async disconnect(): Promise<void> {
    this.#closed = true;
    this.#halt();
  }

  // --- reading

  #start(): void {
    if (this.#closed) throw closedError('consumer');
    if (this.#running) throw new RivuletClientError('INVALID_REQUEST', 'the consumer is being read from already');
    this.#running = true;
    this.#startFetching();
  }

  /** From the positions on: what had been read ahead is gone. */
  #startFetching(): void {
    for (const fetcher of this.#fetchers) fetcher.stop();
    this.#fetched = { batches: [] };
    for (const assigned of this.#assigned.values()) dropReadAhead(assigned);
    const topics = Map.groupBy(this.#assigned.values(), ({ topic }) => topic);
    const whenFetched = () => this.#wake?.();
    this.#fetchers = [...topics].flatMap(([topic, partitions]) =>
      slices(partitions, limits.fetchPartitions).map(
        (slice) => new TopicFetcher(this.#context, this.#settings, topic, slice, whenFetched),
      ),
    );
  }

  #halt(): void {
    this.#running = false;
    for (const fetcher of this.#fetchers) fetcher.stop();
    this.#fetchers = [];
    this.#fetched = { batches: [] };
    this.#wake?.();
  }

  /** Undefined once the consumer is stopped. Throws what cannot be repeated, after all that came before it. */
  async #nextBatch(): Promise<OpenBatch | undefined> {
    while (this.#running) {
      const next = this.#fetched.batches.shift();
      const batch = next && this.#open(next);
      if (batch) return batch;
      if (next) continue;
      if (this.#fetched.failure) throw this.#fetched.failure;
      const fetched = this.#takeFetched();
      if (fetched) this.#fetched = fetched;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return undefined;
  }

  /** From each topic in turn. */
  #takeFetched(): Fetched | undefined {
    for (const fetcher of this.#fetchers) {
      const fetched = fetcher.take();
      if (!fetched) continue;
      this.#fetchers = [...this.#fetchers.filter((other) => other !== fetcher), fetcher];
      return fetched;
    }
    return undefined;
  }

  /** Undefined when nothing in it is to be handed over. */
  #open({ assigned, term, from, bytes, at, header, highWatermark }: FetchedBatch): OpenBatch | undefined {
    if (term !== assigned.term) return undefined;
    const { topic, partition } = assigned;
    const end = header.baseOffset + header.lastOffsetDelta + 1;
    const records = header.isControl ? [] : unpack(bytes, at, { topic, partition, offset: header.baseOffset });
    const first = records.findIndex((record) => record.offset >= from);
    if (first < 0) {
      assigned.position = end;
      return undefined;
    }
    return { assigned, term, records: first === 0 ? records : records.slice(first), end, highWatermark };
  }

  #handOver({ assigned, records, end }: OpenBatch, index: number): ConsumedMessage {
    const record = records[index]!;
    assigned.position = index === records.length - 1 ? end : record.offset + 1;
    return toMessage(assigned.topic, assigned.partition, record);
  }

  #counts({ assigned, term }: OpenBatch): boolean {
    return this.#running && assigned.term === term;
  }

  // --- assigned partitions

  #interrupt(topic: string): void {
    for (const fetcher of this.#fetchers) if (fetcher.topic === topic) fetcher.interrupt();
  }

  #find(of: TopicPartition): AssignedPartition {
    const assigned = this.#assigned.get(keyOf(of));
    if (assigned) return assigned;
    throw new RivuletClientError('INVALID_REQUEST', `${of.topic}-${of.partition} is not assigned`, of);
  }

  #select(topics: readonly TopicPartitions[]): AssignedPartition[] {
    return topics.flatMap(({ topic, partitions }) =>
      partitions
        ? partitions.map((partition) => this.#find({ topic, partition }))
        : [...this.#assigned.values()].filter((one) => one.topic === topic),
    );
  }
}

const offsetBounds = { fallback: 0, min: 0 };

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function slices<T>(all: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, i) => all.slice(i * length, (i + 1) * length));
}

function unpack(bytes: Uint8Array, at: number, where: TopicPartition & { offset: number }): readonly DecodedRecord[] {
  try {
    return decodeBatch(bytes, at).records;
  } catch (cause) {
    throw corrupt(cause, where);
  }
}

async function moveBackOnError(batch: OpenBatch, offset: number, handle: () => Promise<void> | void): Promise<void> {
  try {
    await handle();
  } catch (error) {
    // A seek of the handler's own, before it threw, has the last word.
    if (batch.assigned.term === batch.term) batch.assigned.position = offset;
    throw error;
  }
}
