// The reader hands the batches of a consumer's partitions to as many workers as ask. It hands out partitions side by side,
// and the batches of one partition one after the other. A fetched batch is unpacked when its turn has come.
//
// Invariants: at most one batch of a partition is out, that is, with a worker. Nothing from an earlier fetch generation of
// its partition is handed over.

import { limits } from '../../lib/api/limits.ts';
import { decodeRecords } from '../../lib/record/batch.ts';
import type { CorruptBatchError } from '../../lib/record/corrupt-batch-error.ts';
import { invalid, RivuletClientError } from '../client-error.ts';
import { grouped } from '../grouped.ts';
import { type ConsumedMessage, messageMaker } from '../message.ts';
import { nextTurn } from '../transport/node.ts';
import { slices } from '../transport/parts.ts';
import { type AssignedPartition, dropReadAhead, heldAtMost } from './assigned-partition.ts';
import type { TopicPartition, TopicPartitions } from './consumer-options.ts';
import { type FetchContext, type FetchedBatch, type FetchSettings, TopicFetcher } from './topic-fetcher.ts';

/** One unpacked batch, from the wanted offset on. The worker that takes it gives it back with `done`. */
export type OpenBatch = {
  readonly assigned: AssignedPartition;
  readonly fetchGeneration: number;
  readonly moves: number;
  /** Keys and values are bytes until the deserializers have worked on them. */
  messages: readonly ConsumedMessage<unknown, unknown>[];
  /** The offset after the batch: its last records may have been compacted away. */
  end: number;
  /** It ends before a record that cannot be deserialized: what was read ahead is behind that record. */
  isCut: boolean;
  readonly highWatermark: number;
};

type Failure = { readonly error: unknown };

type Held = { readonly fetcher: TopicFetcher; readonly batches: FetchedBatch[]; readonly failure: Error | undefined };

export class PartitionReader {
  readonly #context: FetchContext;
  readonly #settings: FetchSettings;
  readonly #mayDeliver: () => boolean;
  readonly #deserialize: ((batch: OpenBatch) => Promise<void>) | undefined;
  /** The key is topic and partition, so a partition that is lost and comes back waits for its earlier handler. */
  readonly #busy = new Map<string, OpenBatch>();
  #assigned: ReadonlyMap<string, AssignedPartition> = new Map();
  #fetchers: TopicFetcher[] = [];
  #held: Held[] = [];
  #waiting: (() => void)[] = [];
  #failure: Failure | undefined;
  #running = false;

  /**
   * @param mayDeliver is asked before anything is handed over. When it turns true again, call `wake`.
   * @param deserialize changes the messages of a batch. It throws for the first one if that cannot be deserialized.
   */
  constructor(
    context: FetchContext,
    settings: FetchSettings,
    mayDeliver: () => boolean,
    deserialize: ((batch: OpenBatch) => Promise<void>) | undefined,
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#mayDeliver = mayDeliver;
    this.#deserialize = deserialize;
  }

  get running(): boolean {
    return this.#running;
  }

  /** The keys are made of topic and partition. */
  get assigned(): ReadonlyMap<string, AssignedPartition> {
    return this.#assigned;
  }

  /** Replaces the assigned partitions. Reading of the new ones begins with `refresh`. */
  set(assigned: ReadonlyMap<string, AssignedPartition>): void {
    for (const [key, one] of this.#assigned) if (assigned.get(key) !== one) one.fetchGeneration++;
    this.#assigned = assigned;
  }

  /** Fetches the partitions that are assigned now. Those that were fetched before go on undisturbed. */
  refresh(): void {
    if (!this.#running) return;
    const left = new Set([...this.#assigned.values()].filter((one) => !one.withheld));
    this.#fetchers = this.#fetchers.filter((fetcher) => keep(fetcher, left));
    for (const partitions of byTopic(left).values())
      for (const slice of slices(partitions, limits.fetchPartitions)) this.#fetchers.push(this.#fetch(slice));
    this.#held = this.#held.filter(({ fetcher }) => this.#fetchers.includes(fetcher));
    this.wake();
  }

  #fetch(partitions: readonly AssignedPartition[]): TopicFetcher {
    return new TopicFetcher(this.#context, this.#settings, partitions[0]!.topic, partitions, () => this.wake());
  }

  /** Begins at the positions, and drops what had been read ahead. */
  start(): void {
    this.#running = true;
    for (const assigned of this.#assigned.values()) dropReadAhead(assigned);
    this.refresh();
  }

  /** Ends every `next` immediately, even in the middle of a long poll. The positions stay. */
  halt(): void {
    this.#running = false;
    for (const fetcher of this.#fetchers) fetcher.stop();
    this.#fetchers = [];
    this.#held = [];
    for (const assigned of this.#assigned.values()) assigned.answersHeld = 0;
    this.wake();
  }

  /** Makes every `next` throw this error, until `takeFailure` removes it. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.wake();
  }

  takeFailure(): Failure | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Ends the requests of this topic under way, because they no longer ask for what is wanted. */
  interrupt(topic: string): void {
    for (const fetcher of this.#fetchers) if (fetcher.topic === topic) fetcher.interrupt();
  }

  /** Resolves with undefined once the reader is halted. A permanent failure is thrown after all batches before it. */
  async next(): Promise<OpenBatch | undefined> {
    while (this.#running) {
      if (this.#failure) throw this.#failure.error;
      const batch = this.#mayDeliver() ? this.#pick() : undefined;
      if (batch && (await this.#isReady(batch))) return batch;
      if (batch) continue;
      // The work on an answer may leave no turn of the event loop to anything else, so the next request is sent before it.
      await (this.#takeAnswer() ? nextTurn() : this.#change());
    }
    return undefined;
  }

  /** @returns whether there is something to hand over, now that the deserializers are done. */
  async #isReady(batch: OpenBatch): Promise<boolean> {
    if (!this.#deserialize) return true;
    try {
      await this.#deserialize(batch);
    } catch (error) {
      this.done(batch);
      throw error;
    }
    const isReady = this.counts(batch) && batch.messages.length > 0;
    if (this.counts(batch) && !isReady) pass(batch.assigned, batch.end);
    if (!isReady) this.done(batch);
    return isReady;
  }

  /** Whether the rest of the batch may still be handed over. */
  counts({ assigned, fetchGeneration }: OpenBatch): boolean {
    return this.#running && assigned.fetchGeneration === fetchGeneration && this.#mayDeliver();
  }

  /** Everything of the partition below the offset has been handled. A seek in between has the last word. */
  processed({ assigned, moves }: OpenBatch, offset: number): void {
    if (assigned.moves === moves) assigned.processed = Math.max(assigned.processed ?? 0, offset);
  }

  /** Records of the batch that were not handed over are read again. Giving a batch back twice frees no later batch. */
  done(batch: OpenBatch): void {
    const { assigned, fetchGeneration, end, isCut } = batch;
    if (this.#busy.get(partitionKey(assigned)) === batch) this.#busy.delete(partitionKey(assigned));
    if (this.#running && assigned.fetchGeneration === fetchGeneration && (isCut || assigned.position !== end)) {
      dropReadAhead(assigned);
      this.interrupt(assigned.topic);
    }
    this.wake();
  }

  /** Resolves when no batch of these partitions is out, or the signal aborts. */
  async idle(partitions: readonly AssignedPartition[], signal: AbortSignal): Promise<void> {
    const wake = () => this.wake();
    signal.addEventListener('abort', wake);
    while (!signal.aborted && partitions.some((one) => this.#busy.has(partitionKey(one)))) await this.#change();
    signal.removeEventListener('abort', wake);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #pick(): OpenBatch | undefined {
    for (const held of [...this.#held]) {
      const batch = this.#pickFrom(held.batches);
      if (batch) return batch;
      if (held.batches.length > 0) continue;
      this.#held = this.#held.filter((other) => other !== held);
      if (held.failure) throw held.failure;
    }
    return undefined;
  }

  /** Picks the first batch whose partition has no batch out. */
  #pickFrom(batches: FetchedBatch[]): OpenBatch | undefined {
    for (let at = 0; at < batches.length; ) {
      const batch = batches[at]!;
      if (batch.fetchGeneration === batch.assigned.fetchGeneration && this.#busy.has(partitionKey(batch.assigned))) {
        at++;
        continue;
      }
      if (at === 0) batches.shift();
      else batches.splice(at, 1);
      this.#taken(batch.assigned, batches[at]);
      const open = openBatch(batch);
      if (!open) continue;
      this.#busy.set(partitionKey(open.assigned), open);
      return open;
    }
    return undefined;
  }

  /** In an answer, the batches of a partition stand together: the one after its last belongs to another partition. */
  #taken(assigned: AssignedPartition, next: FetchedBatch | undefined): void {
    if (next?.assigned === assigned) return;
    if (assigned.answersHeld-- === heldAtMost) this.interrupt(assigned.topic);
  }

  /**
   * Takes an answer from each topic in turn. The reader gets here only when everything it holds belongs to partitions that
   * have a batch out. At most two answers are held for each of those, so the number of workers bounds the memory.
   */
  #takeAnswer(): boolean {
    for (const fetcher of this.#fetchers) {
      const fetched = fetcher.take();
      if (!fetched) continue;
      this.#fetchers = [...this.#fetchers.filter((other) => other !== fetcher), fetcher];
      this.#held.push({ fetcher, batches: fetched.batches, failure: fetched.failure });
      for (const assigned of new Set(fetched.batches.map((batch) => batch.assigned))) assigned.answersHeld++;
      return true;
    }
    return false;
  }
}

/** The offset after message number `at`. After the last it is the batch's end, as later records may be compacted away. */
export function nextOffset({ messages, end }: OpenBatch, at: number): number {
  return at === messages.length - 1 ? end : messages[at]!.offset + 1;
}

export function partitionKey({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

/** Throws RivuletClientError INVALID_REQUEST. */
export function findAssigned(assigned: ReadonlyMap<string, AssignedPartition>, of: TopicPartition): AssignedPartition {
  const found = assigned.get(partitionKey(of));
  if (found) return found;
  throw invalid(`${of.topic}-${of.partition} is not assigned to this consumer: assign it, or wait for the group`, of);
}

/** Throws RivuletClientError INVALID_REQUEST. */
export function selectAssigned(
  assigned: ReadonlyMap<string, AssignedPartition>,
  topics: readonly TopicPartitions[],
): AssignedPartition[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions
      ? partitions.map((partition) => findAssigned(assigned, { topic, partition }))
      : [...assigned.values()].filter((one) => one.topic === topic),
  );
}

/** Keeps a fetcher that has some of `left`, and gives it more partitions of its topic, up to its bound. */
function keep(fetcher: TopicFetcher, left: Set<AssignedPartition>): boolean {
  const kept = fetcher.partitions.filter((one) => left.has(one));
  if (kept.length === 0) {
    fetcher.stop();
    return false;
  }
  for (const one of kept) left.delete(one);
  for (const one of left) {
    if (kept.length === limits.fetchPartitions) break;
    if (!isSameTopic(one, kept[0]!)) continue;
    kept.push(one);
    left.delete(one);
  }
  fetcher.replace(kept);
  return true;
}

function isSameTopic(one: AssignedPartition, other: AssignedPartition): boolean {
  return one.topic === other.topic && one.topicId === other.topicId;
}

function byTopic(partitions: Iterable<AssignedPartition>): Map<string, AssignedPartition[]> {
  return grouped(partitions, ({ topic, topicId = '' }) => `${topic}/${topicId}`);
}

/** Nothing below `end` is to be handed over. */
function pass(assigned: AssignedPartition, end: number): void {
  if (assigned.processed === assigned.position) assigned.processed = end;
  assigned.position = end;
}

/** Returns undefined when nothing in the batch is to be handed over. */
function openBatch({
  assigned,
  fetchGeneration,
  from,
  bytes,
  at,
  header,
  highWatermark,
}: FetchedBatch): OpenBatch | undefined {
  if (fetchGeneration !== assigned.fetchGeneration) return undefined;
  const end = header.baseOffset + header.lastOffsetDelta + 1;
  const messages = header.isControl ? [] : unpack(bytes, at, assigned, header.baseOffset, from, end);
  if (messages.length === 0) {
    pass(assigned, end);
    return undefined;
  }
  return { assigned, fetchGeneration, moves: assigned.moves, messages, end, isCut: false, highWatermark };
}

function unpack(
  bytes: Uint8Array,
  at: number,
  { topic, partition }: AssignedPartition,
  offset: number,
  from: number,
  end: number,
): readonly ConsumedMessage[] {
  try {
    return decodeRecords(bytes, at, from, messageMaker(topic, partition));
  } catch (cause) {
    throw unreadable(cause as CorruptBatchError, { topic, partition, offset }, end);
  }
}

/** The error blames the producer, unless the CRC says that the bytes are no longer those that were written. */
function unreadable(
  cause: CorruptBatchError,
  where: { readonly topic: string; readonly partition: number; readonly offset: number },
  nextOffset: number,
): RivuletClientError {
  const batch = `${where.topic} partition ${where.partition}: the batch at offset ${where.offset}`;
  const detail =
    cause.reason === 'crc'
      ? `${batch} is damaged: ${cause.message}`
      : `${batch} cannot be unpacked, because its producer wrote it so (${cause.message}): go on from offset ${nextOffset}`;
  return new RivuletClientError('CORRUPT_MESSAGE', detail, { ...where, extra: { nextOffset }, cause });
}
