// The queue holds one partition's records on their way: open batch -> closed batch -> part of a request -> answered. It
// does no I/O: the producer asks what may be sent (`take`), and then reports the result.
//
//   waiting     Batches, oldest first. Only the last may still grow. A batch is *sealed* when it is encoded under the
//               identity, with the next sequence. A sealed batch is sent in exactly these bytes, as often as needed.
//   unresolved  Parts, in sequence order. A part is a run of sealed batches that is in flight, or waits to be sent again.
//
// Invariant: under one identity the sequences sent are dense, and no sequence stands for two different contents. When a
// sealed batch fails for ever this cannot hold, so the partition leaves its identity and later batches begin a new one.
import { type EncodeOptions, encodeBatch } from '../../lib/record/batch.ts';
import { advanceSequence, recordBatchOverheadBytes } from '../../lib/record/batch-header.ts';
import type { Compression } from '../../lib/record/compression.ts';
import { RivuletClientError } from '../client-error.ts';
import type { OutgoingRecord } from '../message.ts';
import type { Delivery } from './delivery.ts';
import type { ProduceAck } from './produce-answer.ts';
import type { ProducerIdentity, ProducerIds } from './producer-ids.ts';

export type QueueSettings = {
  readonly compression: Compression;
  readonly lingerMs: number;
  readonly deliveryTimeoutMs: number;
  readonly maxInFlightPerPartition: number;
  /** It is undefined when the producer is not idempotent. */
  readonly ids: ProducerIds | undefined;
  /** The batches belong to a transaction. */
  readonly isTransactional: boolean;
};

/** These limits depend on the topic, and may change with it. */
export type BatchLimits = {
  /** The estimated size before compression at which a batch takes no more records. */
  readonly targetBytes: number;
  /** The largest encoded size. A larger batch exceeds the topic's limit, or the size of a request. */
  readonly maxBytes: number;
};

type Batch = {
  /** The number grows from batch to batch: it is the order in which a partition's batches must be written. */
  readonly number: number;
  readonly records: OutgoingRecord[];
  readonly deliveries: Delivery[];
  /** The index of each record in its delivery. */
  readonly indexes: number[];
  readonly openedMs: number;
  readonly limits: BatchLimits;
  sizeBytes: number;
  sealed: Uint8Array | undefined;
  /** The error that made the batch be sent again under another identity. */
  renewedFor: RivuletClientError | undefined;
  /** How often it was tried under earlier identities. */
  failures: number;
};

export type Part = {
  readonly queue: PartitionQueue;
  /** The number of the part among the partition's parts. */
  readonly number: number;
  readonly batches: readonly Batch[];
  /** The sealed batches. They are sent as they are, without a copy. */
  readonly sealed: readonly Uint8Array[];
  readonly lengthBytes: number;
  readonly identity: ProducerIdentity | undefined;
  readonly deadlineMs: number;
  failures: number;
  /** True while no try so far can have written anything, unless its answer says so. */
  certain: boolean;
  lastError: RivuletClientError | undefined;
  /** It is undefined while the part is in flight. */
  resendAtMs: number | undefined;
};

export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly #settings: QueueSettings;
  #waiting: Batch[] = [];
  #unresolved: Part[] = [];
  #identity: ProducerIdentity | undefined;
  #nextSequence = 0;
  #notBeforeMs = 0;
  #batches = 0;
  #parts = 0;

  constructor(topic: string, partition: number, settings: QueueSettings) {
    this.topic = topic;
    this.partition = partition;
    this.#settings = settings;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#unresolved.length === 0;
  }

  /** Whether a record would join a batch that is open already. */
  joins(record: OutgoingRecord): boolean {
    const open = this.#waiting.at(-1);
    return open !== undefined && isOpen(open) && open.sizeBytes + record.sizeBytes <= open.limits.targetBytes;
  }

  /** @returns whether the record changed when this partition is due. */
  append(record: OutgoingRecord, delivery: Delivery, index: number, limits: BatchLimits, nowMs: number): boolean {
    const joins = this.joins(record);
    if (!joins) this.#open(limits, nowMs);
    const batch = this.#waiting.at(-1)!;
    batch.records.push(record);
    batch.deliveries.push(delivery);
    batch.indexes.push(index);
    batch.sizeBytes += record.sizeBytes;
    return !joins;
  }

  #open(limits: BatchLimits, openedMs: number): void {
    // The batch is encoded now, while an earlier request is under way, to save time when the next is due.
    if (this.#maySealAhead()) this.#sealOldest();
    this.#waiting.push({
      number: this.#batches++,
      records: [],
      deliveries: [],
      indexes: [],
      openedMs,
      limits,
      sizeBytes: recordBatchOverheadBytes,
      sealed: undefined,
      renewedFor: undefined,
      failures: 0,
    });
  }

  /** False while batches of a left identity are under way: they may have to go first, under the new identity. */
  #maySealAhead(): boolean {
    return (
      this.#settings.ids?.current() !== undefined && this.#unresolved.every((part) => part.identity === this.#identity)
    );
  }

  /** Seals in order, because sealing takes the next sequence. Several batches may be full before there is an identity. */
  #sealOldest(): void {
    const oldest = this.#waiting.find((batch) => !batch.sealed);
    if (oldest) this.#seal(oldest);
  }

  /** When there is something to send, or Infinity when there is not. `hurry` means: do not linger. */
  dueAtMs(hurry: boolean): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const part of this.#unresolved) dueMs = Math.min(dueMs, part.resendAtMs ?? dueMs);
    const first = this.#waiting[0];
    if (!first || !this.#mayStart()) return dueMs;
    const ready = hurry || this.#waiting.length > 1 || !isOpen(first);
    return Math.min(dueMs, Math.max(this.#notBeforeMs, first.openedMs + (ready ? 0 : this.#settings.lingerMs)));
  }

  /** When the oldest of the batches that are not in flight becomes too old to be sent. */
  expiresAtMs(): number {
    let atMs = this.#waiting[0] ? this.#deadlineMs(this.#waiting[0]) : Number.POSITIVE_INFINITY;
    for (const part of this.#unresolved) if (part.resendAtMs !== undefined) atMs = Math.min(atMs, part.deadlineMs);
    return atMs;
  }

  /** Takes what may be sent now in `roomBytes`, due or not: a part to repeat, or a new one. The part is then in flight. */
  take(nowMs: number, roomBytes: number): Part | undefined {
    const repeated = this.#unresolved.find((part) => part.resendAtMs !== undefined && part.resendAtMs <= nowMs);
    if (!repeated) return this.#mayStart() && nowMs >= this.#notBeforeMs ? this.#start(roomBytes) : undefined;
    if (repeated.lengthBytes > roomBytes) return undefined;
    repeated.resendAtMs = undefined;
    return repeated;
  }

  /**
   * New parts wait for parts that must be repeated, and for parts of a left identity, because these are older. New parts
   * also wait for the oldest part while later ones are answered: the log knows the offset of a repeat only among a
   * producer's newest five runs.
   */
  #mayStart(): boolean {
    const { ids, maxInFlightPerPartition } = this.#settings;
    const oldest = this.#unresolved[0]?.number ?? this.#parts;
    if (this.#parts - oldest >= maxInFlightPerPartition) return false;
    if (ids && !this.#identity && !ids.current()) return false;
    return this.#unresolved.every((part) => part.resendAtMs === undefined && part.identity === this.#identity);
  }

  #start(roomBytes: number): Part | undefined {
    const batches: Batch[] = [];
    const sealed: Uint8Array[] = [];
    let room = roomBytes;
    for (const batch of [...this.#waiting]) {
      const bytes = batch.sealed ?? this.#seal(batch);
      if (!bytes) continue;
      if (bytes.length > room) break;
      batches.push(batch);
      sealed.push(bytes);
      room -= bytes.length;
    }
    if (batches.length === 0) return undefined;
    this.#waiting = this.#waiting.filter((batch) => !batches.includes(batch));
    const part: Part = {
      queue: this,
      number: this.#parts++,
      batches,
      sealed,
      lengthBytes: roomBytes - room,
      identity: this.#identity,
      deadlineMs: this.#deadlineMs(batches[0]!),
      failures: Math.max(...batches.map((batch) => batch.failures)),
      certain: true,
      lastError: undefined,
      resendAtMs: undefined,
    };
    this.#unresolved.push(part);
    return part;
  }

  /** Returns undefined when the batch cannot be sent at all. It has then failed without using a sequence. */
  #seal(batch: Batch): Uint8Array | undefined {
    this.#identity ??= this.#settings.ids?.current();
    try {
      const bytes = encodeBatch(batch.records, this.#encodeOptions());
      if (bytes.length > batch.limits.maxBytes) throw tooLarge(bytes.length, batch.limits.maxBytes);
      this.#nextSequence = advanceSequence(this.#nextSequence, batch.records.length);
      batch.sealed = bytes;
      return bytes;
    } catch (cause) {
      this.#waiting = this.#waiting.filter((other) => other !== batch);
      this.#failBatch(batch, asRefusal(cause));
      return undefined;
    }
  }

  #encodeOptions(): EncodeOptions {
    const { compression, isTransactional } = this.#settings;
    if (!this.#identity) return { compression };
    const { producerId, epoch } = this.#identity;
    return { compression, isTransactional, producerId, producerEpoch: epoch, baseSequence: this.#nextSequence };
  }

  isOldest(part: Part): boolean {
    return this.#unresolved[0] === part;
  }

  /** The part's records are in the log, one after the other from `ack.baseOffset` on. */
  written(part: Part, ack: ProduceAck | undefined): void {
    this.#settle(part);
    let offset = ack?.baseOffset ?? -1;
    for (const batch of part.batches) {
      for (let i = 0; i < batch.records.length; i++) {
        const timestamp = ack && ack.logAppendTime >= 0 ? ack.logAppendTime : batch.records[i]!.timestampMs;
        const { topic, partition } = this;
        batch.deliveries[i]!.settle(batch.indexes[i]!, { topic, partition, offset, timestamp });
        if (offset >= 0) offset++;
      }
    }
  }

  sendAgain(part: Part, error: RivuletClientError, atMs: number): void {
    part.failures++;
    part.lastError = error;
    part.resendAtMs = atMs;
  }

  /**
   * Puts the part's batches back among those that wait, in their order, to be sealed under another identity. The first
   * renewal is immediate, later ones not before `atMs`: another writer may have taken many of the coming ids, and each
   * renewal takes only the next one.
   */
  renew(part: Part, error: RivuletClientError, atMs: number): void {
    this.#settle(part);
    if (part.batches.some(({ renewedFor }) => renewedFor)) this.#notBeforeMs = atMs;
    for (const batch of part.batches) {
      batch.renewedFor = error;
      batch.failures = part.failures + 1;
      batch.sealed = undefined;
    }
    this.#waiting = [...part.batches, ...this.#waiting].sort((a, b) => a.number - b.number);
    this.#leave(part.identity);
  }

  fail(part: Part, error: RivuletClientError): void {
    this.#settle(part);
    this.#leave(part.identity);
    // A part with an unanswered try may be in the log, whatever the last answer was.
    const outcome = part.certain ? error.outcome : 'unknown';
    for (const batch of part.batches) this.#failBatch(batch, error.with({ outcome }));
  }

  /** Fails everything that is too old and not in flight. */
  expire(nowMs: number): void {
    for (const part of [...this.#unresolved]) {
      if (part.resendAtMs !== undefined && part.deadlineMs <= nowMs) this.fail(part, part.lastError!);
    }
    const old = this.#waiting.filter((batch) => this.#deadlineMs(batch) <= nowMs);
    for (const batch of old) this.#failWaiting([batch], batch.renewedFor ?? expired(this.#settings.deliveryTimeoutMs));
  }

  /** Fails everything that has not been sent. */
  failAllWaiting(error: RivuletClientError): void {
    this.#failWaiting(this.#waiting, error);
  }

  #failWaiting(batches: readonly Batch[], error: RivuletClientError): void {
    this.#waiting = this.#waiting.filter((batch) => !batches.includes(batch));
    if (batches.some((batch) => batch.sealed)) this.#leave(this.#identity);
    for (const batch of batches) this.#failBatch(batch, error);
  }

  #failBatch(batch: Batch, error: RivuletClientError): void {
    const { topic, partition } = this;
    const named = error.with({ topic, partition });
    for (let i = 0; i < batch.records.length; i++) batch.deliveries[i]!.settle(batch.indexes[i]!, named);
  }

  #settle(part: Part): void {
    this.#unresolved = this.#unresolved.filter((other) => other !== part);
  }

  #leave(identity: ProducerIdentity | undefined): void {
    if (!identity) return;
    this.#settings.ids?.retire(identity);
    // The part may belong to an identity that the partition has already left.
    if (identity !== this.#identity) return;
    this.#identity = undefined;
    this.#nextSequence = 0;
    for (const batch of this.#waiting) batch.sealed = undefined;
  }

  #deadlineMs(batch: Batch): number {
    return batch.openedMs + this.#settings.deliveryTimeoutMs;
  }
}

function isOpen(batch: Batch): boolean {
  return !batch.sealed && !batch.renewedFor && batch.sizeBytes < batch.limits.targetBytes;
}

function tooLarge(bytes: number, limit: number): RivuletClientError {
  const detail = `batch: expected at most ${limit} bytes when encoded (max.message.bytes, or the size of a request), got ${bytes}`;
  return new RivuletClientError('MESSAGE_TOO_LARGE', detail, { outcome: 'not-written' });
}

function asRefusal(cause: unknown): RivuletClientError {
  if (cause instanceof RivuletClientError) return cause;
  return new RivuletClientError('INVALID_RECORD', String(cause), { outcome: 'not-written', cause });
}

function expired(afterMs: number): RivuletClientError {
  const detail = `the message was not sent within deliveryTimeoutMs (${afterMs}): send it again`;
  return new RivuletClientError('REQUEST_TIMED_OUT', detail, { outcome: 'not-written', retriable: true });
}
