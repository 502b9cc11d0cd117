// The sends that are not in their partitions' queues yet. They wait for their serializers, for the topic's metadata, and for
// buffer memory.
//
// Invariant: sends to a topic are appended in the order of their calls, whatever each of them waits for.
import { isClientError, RivuletClientError } from '../client-error.ts';
import type { Message, OutgoingRecord } from '../message.ts';
import { isPromise } from '../serdes.ts';
import type { Delivery } from './delivery.ts';
import type { TopicMetadata, TopicMetadataCache } from './topic-metadata.ts';

export type Admission = {
  readonly delivery: Delivery;
  /** As they were given to send(). */
  readonly messages: readonly Message<unknown, unknown>[];
  /** Undefined while a serializer is at work. */
  records: readonly OutgoingRecord[] | undefined;
  sizeBytes: number;
  /** The highest partition that the messages name, or -1 when none names one. */
  highestPartition: number;
  /** Whether the topic has been read since the send. */
  informed: boolean;
};

export type AdmissionsOwner = {
  readonly metadata: TopicMetadataCache;
  readonly bufferMemory: number;
  append(admission: Admission, metadata: TopicMetadata): void;
  /** Memory is short, or has become free. */
  pumpSoon(): void;
};

export class Admissions {
  readonly #owner: AdmissionsOwner;
  /** Per topic, in the order of the calls. */
  readonly #waiting = new Map<string, Admission[]>();
  readonly #learning = new Set<string>();
  #bufferedBytes = 0;
  /** Whether a send waits for memory. */
  #starving = false;

  constructor(owner: AdmissionsOwner) {
    this.#owner = owner;
  }

  submit(
    topic: string,
    messages: readonly Message<unknown, unknown>[],
    records: readonly OutgoingRecord[] | PromiseLike<readonly OutgoingRecord[]>,
    delivery: Delivery,
  ): void {
    const unread = { records: undefined, sizeBytes: 0, highestPartition: -1, informed: false };
    const admission: Admission = { delivery, messages, ...unread };
    const waiting = this.#waiting.get(topic);
    if (waiting) waiting.push(admission);
    else this.#waiting.set(topic, [admission]);
    if (isPromise(records)) this.#await(topic, admission, records);
    else {
      fill(admission, records);
      if (!waiting) this.#admit(topic);
    }
  }

  #await(topic: string, admission: Admission, records: PromiseLike<readonly OutgoingRecord[]>): void {
    records.then(
      (made) => {
        fill(admission, made);
        this.#admit(topic);
      },
      (error: unknown) => {
        const waiting = this.#waiting.get(topic) ?? [];
        const at = waiting.indexOf(admission);
        // The topic may have failed all of its sends in the meantime.
        if (at < 0) return;
        waiting.splice(at, 1);
        admission.delivery.failAll(asClientError(error));
        this.#admit(topic);
      },
    );
  }

  /** Appends what there is memory for by now. @returns whether a send still waits for memory. */
  retry(): boolean {
    for (const topic of this.#hungry()) this.#admit(topic);
    this.#starving = this.#hungry().length > 0;
    return this.#starving;
  }

  /** The answer with the metadata, and the serializer, wake those that wait for them. All others wait for memory. */
  #hungry(): string[] {
    return [...this.#waiting].flatMap(([topic, [first]]) =>
      first?.records && !this.#learning.has(topic) ? [topic] : [],
    );
  }

  #admit(topic: string): void {
    const waiting = this.#waiting.get(topic);
    if (this.#learning.has(topic)) return;
    while (waiting?.[0]) {
      if (!waiting[0].records) return;
      const metadata = this.#owner.metadata.peek(topic);
      if (!metadata || !knowsPartitions(waiting[0], metadata)) {
        this.#learn(topic, waiting[0]);
        return;
      }
      if (!this.#takeMemory(waiting[0])) return;
      this.#owner.append(waiting.shift()!, metadata);
    }
    this.#waiting.delete(topic);
  }

  #learn(topic: string, first: Admission): void {
    this.#learning.add(topic);
    this.#owner.metadata.refresh(topic).then(
      () => {
        first.informed = true;
        this.#learning.delete(topic);
        this.#admit(topic);
      },
      (error: unknown) => {
        const waiting = this.#waiting.get(topic) ?? [];
        this.#learning.delete(topic);
        this.#waiting.delete(topic);
        const unsent = asClientError(error).with({ outcome: 'not-written', topic });
        for (const { delivery } of waiting.splice(0)) delivery.failAll(unsent);
      },
    );
  }

  #takeMemory({ sizeBytes, delivery }: Admission): boolean {
    if (this.#bufferedBytes > 0 && this.#bufferedBytes + sizeBytes > this.#owner.bufferMemory) {
      // Lingering batches are sent now, and their answers make room.
      if (!this.#starving) this.#owner.pumpSoon();
      this.#starving = true;
      return false;
    }
    this.#bufferedBytes += sizeBytes;
    void delivery.promise.then(() => {
      this.#bufferedBytes -= sizeBytes;
      if (this.#starving) this.#owner.pumpSoon();
    });
    return true;
  }
}

function fill(admission: Admission, records: readonly OutgoingRecord[]): void {
  admission.records = records;
  for (const { sizeBytes, partition = -1 } of records) {
    admission.sizeBytes += sizeBytes;
    admission.highestPartition = Math.max(admission.highestPartition, partition);
  }
}

function knowsPartitions({ highestPartition, informed }: Admission, metadata: TopicMetadata): boolean {
  // Partitions may have been added. Once the topic has been read again, its number of partitions is final.
  return highestPartition < metadata.partitions || informed;
}

export function asClientError(error: unknown): RivuletClientError {
  if (isClientError(error)) return error;
  return new RivuletClientError('UNKNOWN_SERVER_ERROR', String(error), { outcome: 'unknown', cause: error });
}
