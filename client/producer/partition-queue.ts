// One partition's records on their way: open batch -> closed batch -> part of a request -> answered. No I/O: the producer
// asks what may be sent (`take`) and tells what came of it.
//
//   waiting     batches, oldest first; only the last may still grow. A batch is *sealed* when it is encoded under the
//               identity and with the next sequence; what is sealed goes out in exactly these bytes, as often as needed.
//   unresolved  parts: runs of sealed batches that are in flight, or wait to be sent again; in sequence order.
//
// Invariant: under one identity the sequences sent are dense, and none stands for two different contents. When a sealed
// batch fails for good that cannot be kept, so the partition leaves its identity and what follows begins a new one.
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
  /** Undefined: the producer is not idempotent. */
  readonly ids: ProducerIds | undefined;
};

/** Depends on the topic, and may change with it. */
export type BatchLimits = {
  /** Estimated, before compression: a batch that reaches it takes no more records. */
  readonly targetBytes: number;
  /** Encoded: more is refused, by the topic or for the size of a request. */
  readonly maxBytes: number;
};

type Batch = {
  /** Grows: the order in which a partition's batches must be written. */
  readonly number: number;
  readonly records: OutgoingRecord[];
  readonly deliveries: Delivery[];
  /** Where each record stands in its delivery. */
  readonly indexes: number[];
  readonly openedMs: number;
  readonly limits: BatchLimits;
  sizeBytes: number;
  sealed: Uint8Array | undefined;
  /** Why it was to be sent under another identity than before. */
  renewedFor: RivuletClientError | undefined;
};

export type Part = {
  readonly queue: PartitionQueue;
  /** Counts the partition's parts. */
  readonly number: number;
  readonly batches: readonly Batch[];
  readonly bytes: Uint8Array;
  readonly identity: ProducerIdentity | undefined;
  readonly deadlineMs: number;
  failures: number;
  /** No try so far can have written anything, unless it said so. */
  certain: boolean;
  lastError: RivuletClientError | undefined;
  /** Undefined while it is in flight. */
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

  /** @returns whether that changed when this partition is due. */
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
    // Encoded now, while an earlier request is under way, and not when the next is due.
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
    });
  }

  /** Not while an identity that was left has batches under way: they may have to go first, in the new one. */
  #maySealAhead(): boolean {
    return (
      this.#settings.ids?.current() !== undefined && this.#unresolved.every((part) => part.identity === this.#identity)
    );
  }

  /** In order, because sealing gives the next sequence. Those behind it may have been full since before there was an identity. */
  #sealOldest(): void {
    const oldest = this.#waiting.find((batch) => !batch.sealed);
    if (oldest) this.#seal(oldest);
  }

  /** When there is something to send; Infinity when there is not. `hurry`: do not linger. */
  dueAtMs(hurry: boolean): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const part of this.#unresolved) dueMs = Math.min(dueMs, part.resendAtMs ?? dueMs);
    const first = this.#waiting[0];
    if (!first || !this.#mayStart()) return dueMs;
    const ready = hurry || this.#waiting.length > 1 || !isOpen(first);
    return Math.min(dueMs, Math.max(this.#notBeforeMs, first.openedMs + (ready ? 0 : this.#settings.lingerMs)));
  }

  /** When the first of what is not in flight is too old to be sent. */
  expiresAtMs(): number {
    let atMs = this.#waiting[0] ? this.#deadlineMs(this.#waiting[0]) : Number.POSITIVE_INFINITY;
    for (const part of this.#unresolved) if (part.resendAtMs !== undefined) atMs = Math.min(atMs, part.deadlineMs);
    return atMs;
  }

  /** What may be sent now in `roomBytes`, due or not: a part to be repeated, else a new one. It is in flight from here on. */
  take(nowMs: number, roomBytes: number): Part | undefined {
    const repeated = this.#unresolved.find((part) => part.resendAtMs !== undefined && part.resendAtMs <= nowMs);
    if (!repeated) return this.#mayStart() && nowMs >= this.#notBeforeMs ? this.#start(roomBytes) : undefined;
    if (repeated.bytes.length > roomBytes) return undefined;
    repeated.resendAtMs = undefined;
    return repeated;
  }

  /**
   * New parts wait for those to be repeated, and for those of an identity that was left: they are older. They wait for the
   * oldest even while those behind it are answered: the log tells the offset of a repeat only among a producer's newest five.
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
      bytes: sealed.length === 1 ? sealed[0]! : Buffer.concat(sealed),
      identity: this.#identity,
      deadlineMs: this.#deadlineMs(batches[0]!),
      failures: 0,
      certain: true,
      lastError: undefined,
      resendAtMs: undefined,
    };
    this.#unresolved.push(part);
    return part;
  }

  /** Undefined when the batch cannot be sent at all: it has failed then, without having had a sequence. */
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
    const { compression } = this.#settings;
    if (!this.#identity) return { compression };
    const { producerId, epoch } = this.#identity;
    return { compression, producerId, producerEpoch: epoch, baseSequence: this.#nextSequence };
  }

  isOldest(part: Part): boolean {
    return this.#unresolved[0] === part;
  }

  /** The part's records are in the log from `ack.baseOffset` on, one after the other. */
  written(part: Part, ack: ProduceAck | undefined): void {
    this.#settle(part);
    let offset = ack?.baseOffset ?? -1;
    for (const batch of part.batches) {
      for (let i = 0; i < batch.records.length; i++) {
        const timestamp = ack && ack.logAppendTime >= 0 ? ack.logAppendTime : batch.records[i]!.timestampMs;
        const { topic, partition } = this;
        batch.deliveries[i]!.settle(batch.indexes[i]!, { topic, partition, offset, timestamp });
        if (ack) offset++;
      }
    }
  }

  sendAgain(part: Part, error: RivuletClientError, atMs: number): void {
    part.failures++;
    part.lastError = error;
    part.resendAtMs = atMs;
  }

  /**
   * Back to the batches that wait, in their order, to be sealed under another identity: the first time immediately, then not
   * before `atMs`. Somebody may have taken many of the coming ids, and each renewal takes the next.
   */
  renew(part: Part, error: RivuletClientError, atMs: number): void {
    this.#settle(part);
    if (part.batches.some(({ renewedFor }) => renewedFor)) this.#notBeforeMs = atMs;
    for (const batch of part.batches) {
      batch.renewedFor = error;
      batch.sealed = undefined;
    }
    this.#waiting = [...part.batches, ...this.#waiting].sort((a, b) => a.number - b.number);
    this.#leave(part.identity);
  }

  fail(part: Part, error: RivuletClientError): void {
    this.#settle(part);
    this.#leave(part.identity);
    // What was sent once and never answered may be in the log, whatever the last answer was.
    const outcome = part.certain ? error.outcome : 'unknown';
    for (const batch of part.batches) this.#failBatch(batch, error.with({ outcome }));
  }

  /** Fails what is too old and not in flight. */
  expire(nowMs: number): void {
    for (const part of [...this.#unresolved]) {
      if (part.resendAtMs !== undefined && part.deadlineMs <= nowMs) this.fail(part, part.lastError!);
    }
    const old = this.#waiting.filter((batch) => this.#deadlineMs(batch) <= nowMs);
    for (const batch of old) this.#failWaiting([batch], batch.renewedFor ?? expired(this.#settings.deliveryTimeoutMs));
  }

  /** Fails all that has not been sent. */
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
    // The part may belong to an identity that has been left already.
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
  const detail = `a batch of ${bytes} bytes (encoded), at most ${limit} (max.message.bytes, or the size of a request)`;
  return new RivuletClientError('MESSAGE_TOO_LARGE', detail, { outcome: 'not-written' });
}

function asRefusal(cause: unknown): RivuletClientError {
  if (cause instanceof RivuletClientError) return cause;
  return new RivuletClientError('INVALID_RECORD', String(cause), { outcome: 'not-written', cause });
}

function expired(afterMs: number): RivuletClientError {
  const detail = `not sent within deliveryTimeoutMs (${afterMs})`;
  return new RivuletClientError('REQUEST_TIMED_OUT', detail, { outcome: 'not-written', retriable: true });
}
