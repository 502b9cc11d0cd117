// When you call send(), its messages become records (serialize.ts), and wait for the topic's metadata and for buffer memory
// (admissions.ts). They join their partitions' batches (append), leave with everything else of the topic that may be sent
// (pump), and are answered part by part (resolve). One send is one promise: no step makes a promise per record.
//
// Invariants: sends to a topic are appended in the order of their calls. A partition's batches are written in order, and
// once, unless an error says otherwise: a repeat sends the same bytes, under the same sequence.

import { BATCHES_MEDIA_TYPE, produceFramesInPieces } from '../../lib/record/frames.ts';
import { closedError, errorOfParts, invalid, isClientError, RivuletClientError } from '../client-error.ts';
import { type Message, type MessageBytes, type OutgoingRecord, toRecord } from '../message.ts';
import type { RecordMetadata } from '../record-metadata.ts';
import { isPromise } from '../serdes.ts';
import { checkTracing, type Tracing } from '../tracing.ts';
import { soon } from '../transport/node.ts';
import { paths } from '../transport/paths.ts';
import { backoffMs } from '../transport/retry.ts';
import { type Admission, Admissions, asClientError } from './admissions.ts';
import { Delivery, type MessageResult, unacknowledged } from './delivery.ts';
import type { Part } from './partition-queue.ts';
import { choose } from './partitioner.ts';
import { type ProduceResult, produceResults } from './produce-answer.ts';
import { verdictOf } from './produce-verdict.ts';
import { createProducerIds, type ProducerIds } from './producer-ids.ts';
import { isIdempotent, type ProducerOptions, type ProducerSettings, settingsOf } from './producer-options.ts';
import { recordSink, type WritableOptions } from './record-sink.ts';
import type { ProducerContext, Sender, TopicMessages } from './sender.ts';
import { serialized } from './serialize.ts';
import type { TopicMetadata } from './topic-metadata.ts';
import { TopicQueue } from './topic-queue.ts';
import { tracedSend } from './traced-send.ts';
import type { Transaction } from './transaction.ts';
import { Transactions } from './transactions.ts';

type SendPart<K, V> = TopicMessages<K, V> & { readonly where: string };

/** `K` and `V` are what the serializers take; without any, text or bytes. */
export class Producer<K = MessageBytes, V = MessageBytes> implements Sender<K, V> {
  readonly #context: ProducerContext;
  readonly #settings: ProducerSettings;
  readonly #ids: ProducerIds | undefined;
  readonly #tracing: Tracing | undefined;
  readonly #transactions: Transactions<K, V> | undefined;
  readonly #unsettled = new Set<Delivery>();
  readonly #admissions: Admissions;
  /** The key is the topic id, because a re-created topic is another topic. */
  readonly #topics = new Map<string, TopicQueue>();
  #inFlight = 0;
  #flushes = 0;
  #closed = false;
  #acquiring = false;
  #pumpIsDue = false;
  #timer: NodeJS.Timeout | undefined;

  /** `transaction`: the identity of the transaction to which everything that is sent belongs. */
  constructor(context: ProducerContext, options: ProducerOptions<K, V> = {}, transaction?: ProducerIds) {
    const { connection, clock, retry } = context;
    this.#context = context;
    this.#tracing = checkTracing(options.tracing);
    this.#ids = transaction ?? (isIdempotent(options) ? createProducerIds(connection, clock, retry) : undefined);
    const isTransactional = transaction !== undefined;
    this.#settings = { ...settingsOf(options), ids: this.#ids, clock, isTransactional };
    this.#admissions = new Admissions({
      ...{ metadata: context.metadata, bufferMemory: this.#settings.bufferMemory },
      append: (admission, metadata) => this.#append(admission, metadata),
      pumpSoon: () => this.#pumpSoon(),
    });
    if (options.transactionalId !== undefined && !isTransactional)
      this.#transactions = new Transactions(options, context, (inside, ids) => new Producer(inside, options, ids));
  }

  /** Exists because KafkaJS has it: the producer id is fetched with the first send. */
  async connect(): Promise<void> {
    this.#closed = false;
  }

  /**
   * Begins a transaction. Records and offsets that it sends become visible together at its commit, or never. The first call
   * ends what an earlier instance with this transactionalId has left open. Throws RivuletClientError.
   */
  transaction(): Promise<Transaction<K, V>> {
    if (!this.#transactions) throw invalid('transaction needs the option transactionalId: set it');
    return this.#transactions.begin();
  }

  /**
   * Returns how many partitions the topic has. It asks the service once, and again when that is long ago. Throws
   * UNKNOWN_TOPIC_OR_PARTITION if there is no such topic.
   */
  async partitionsFor(topic: string): Promise<number> {
    const { metadata } = this.#context;
    return (metadata.peek(topic) ?? (await metadata.refresh(topic))).partitions;
  }

  /**
   * Resolves with one result per message, in their order. Rejects with RivuletClientError when any message failed. Its
   * `results` then has each message's own result or error, and each error has the outcome of its message. If one message
   * is invalid, none of them is sent. With acks 0 it resolves when the messages are in their queues.
   */
  send({ topic, messages }: TopicMessages<K, V>): Promise<RecordMetadata[]> {
    return this.#sendTraced([{ topic, messages, where: 'messages' }]);
  }

  /** Works like several sends together. It has their results and errors in one, and settles when all of them have. */
  sendBatch(request: { readonly topicMessages: readonly TopicMessages<K, V>[] }): Promise<RecordMetadata[]> {
    const parts = request.topicMessages.map((part, at) => ({ ...part, where: `topicMessages[${at}].messages` }));
    return this.#sendTraced(parts);
  }

  #sendTraced(parts: readonly SendPart<K, V>[]): Promise<RecordMetadata[]> {
    return tracedSend(this.#tracing, parts, (traced) => this.#send(traced));
  }

  async #send(parts: readonly SendPart<K, V>[]): Promise<RecordMetadata[]> {
    if (this.#closed) throw closedError('producer');
    const nowMs = this.#context.clock.now();
    const records = this.#recordsOf(parts, nowMs);
    const sent = parts.map(({ topic, messages }, at) => {
      if (messages.length === 0) return [];
      return this.#submit(topic, messages, isPromise(records) ? records.then((all) => all[at]!) : records[at]!);
    });
    const results = (await Promise.all(sent)).flat();
    if (results.some(isClientError)) throw errorOfParts(results);
    return results as RecordMetadata[];
  }

  /** The records of all parts, or an error and none of them. Returns a promise only if a serializer does. */
  #recordsOf(parts: readonly SendPart<K, V>[], nowMs: number): OutgoingRecord[][] | Promise<OutgoingRecord[][]> {
    const { serializers } = this.#settings;
    const made = parts.map(({ topic, messages, where }) => serialized(serializers, topic, messages, where));
    const toRecords = (all: readonly (readonly Message[])[]) =>
      all.map((messages, at) => messages.map((one, i) => toRecord(one, i, nowMs, parts[at]!.where)));
    return made.some(isPromise) ? Promise.all(made).then(toRecords) : toRecords(made as (readonly Message[])[]);
  }

  /**
   * A stream whose records go to one topic. Its close() flushes. Its abort() stops reading, and waits for the outcome of what
   * was written. Both reject with the RivuletClientError of the first record that failed: `extra.index` is its index.
   */
  writable(options: WritableOptions): WritableStream<Message<K, V>> {
    return recordSink(this, options);
  }

  /** Sends lingering batches. Resolves when every send so far has settled, successfully or not. */
  async flush(): Promise<void> {
    this.#flushes++;
    this.#pumpSoon();
    await Promise.all([...this.#unsettled].map((delivery) => delivery.promise));
    this.#flushes--;
  }

  /** Refuses further sends, and flushes. */
  async disconnect(): Promise<void> {
    this.#closed = true;
    await this.flush();
    clearTimeout(this.#timer);
  }

  #submit(
    topic: string,
    messages: readonly Message<unknown, unknown>[],
    records: readonly OutgoingRecord[] | PromiseLike<readonly OutgoingRecord[]>,
  ): Promise<readonly MessageResult[]> {
    const delivery: Delivery = new Delivery(messages.length, () => this.#unsettled.delete(delivery));
    this.#unsettled.add(delivery);
    const { acks, onSendError } = this.#settings;
    const answer = acks === 0 ? unacknowledged(delivery, onSendError) : delivery.promise;
    this.#admissions.submit(topic, messages, records, delivery);
    return answer;
  }

  #append({ records = [], messages, delivery, highestPartition }: Admission, metadata: TopicMetadata): void {
    const { partitioner } = this.#settings;
    const isCustom = typeof partitioner === 'function';
    const chosen = isCustom ? choose(partitioner, records, messages, metadata) : [];
    const refused = highestPartition >= metadata.partitions ? noPartition(highestPartition, metadata) : chosen;
    if (isClientError(refused)) {
      delivery.failAll(refused);
      return;
    }
    const queue = this.#topicQueue(metadata);
    const partitions = new Array<number>(records.length);
    let due = false;
    for (let i = 0; i < records.length; i++) {
      const partition = refused[i] ?? queue.partitionFor(records[i]!, metadata.partitions);
      partitions[i] = partition;
      due = queue.append(records[i]!, partition, delivery, i, metadata) || due;
    }
    delivery.whenAppended?.(metadata.topic, records, partitions);
    if (due) this.#pumpSoon();
  }

  #topicQueue(metadata: TopicMetadata): TopicQueue {
    const known = this.#topics.get(metadata.topicId);
    if (known) return known;
    const queue = new TopicQueue(metadata, this.#settings);
    this.#topics.set(metadata.topicId, queue);
    return queue;
  }

  // --- pump: after any change, send what may be sent, and set the timer for the next look

  /** Pumps once for everything that happens in this turn of the event loop. */
  #pumpSoon(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    soon(() => {
      this.#pumpIsDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const isStarving = this.#admissions.retry();
    const nowMs = this.#context.clock.monotonic();
    for (const topic of this.#topics.values()) for (const queue of topic.queues()) queue.expire(nowMs);
    this.#wantIdentity();
    const hurry = this.#flushes > 0 || isStarving;
    for (const topic of [...this.#topics.values()]) this.#sendDue(topic, hurry, nowMs);
    this.#armTimer(hurry, nowMs);
  }

  #sendDue(topic: TopicQueue, hurry: boolean, nowMs: number): void {
    while (this.#inFlight < this.#settings.maxInFlightRequests && topic.dueAtMs(hurry) <= nowMs) {
      const parts = topic.take(nowMs);
      if (parts.length === 0) return;
      void this.#transmit(topic, parts);
      // A topic that was served goes to the end, so that the one that waits longest comes first.
      this.#topics.delete(topic.topicId);
      this.#topics.set(topic.topicId, topic);
    }
  }

  #armTimer(hurry: boolean, nowMs: number): void {
    clearTimeout(this.#timer);
    let atMs = Number.POSITIVE_INFINITY;
    for (const topic of this.#topics.values()) {
      // With all requests in flight, the next answer pumps again, so no timer is needed.
      if (this.#inFlight < this.#settings.maxInFlightRequests) atMs = Math.min(atMs, topic.dueAtMs(hurry));
      for (const queue of topic.queues()) atMs = Math.min(atMs, queue.expiresAtMs());
    }
    if (atMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#pump(), Math.max(1, Math.ceil(atMs - nowMs)));
    }
  }

  #wantIdentity(): void {
    if (!this.#ids || this.#ids.current() || this.#acquiring) return;
    if ([...this.#topics.values()].every((topic) => topic.isEmpty)) return;
    this.#acquiring = true;
    const acquired = this.#ids.acquire().catch((error: unknown) => {
      const refused = asClientError(error).with({ outcome: 'not-written' });
      // After a retriable error the id is asked for again, until the batches are too old.
      if (!refused.retriable) for (const queue of this.#allQueues()) queue.failAllWaiting(refused);
    });
    void acquired.then(() => {
      this.#acquiring = false;
      this.#pumpSoon();
    });
  }

  #allQueues() {
    return [...this.#topics.values()].flatMap((topic) => topic.queues());
  }

  // --- transmit and resolve: one request, and what happens to its parts

  async #transmit(topic: TopicQueue, parts: readonly Part[]): Promise<void> {
    this.#inFlight++;
    const resultOf = await this.#exchange(topic, parts);
    const results = parts.map((part) => resultOf(part.queue.partition));
    const partitions = await this.#partitionsLeft(topic, results);
    this.#inFlight--;
    // All parts share one wait, so that parts that were sent together are sent together again.
    const failures = Math.max(...parts.map((part) => part.failures)) + 1;
    const waitMs = backoffMs(this.#context.clock, this.#context.retry, failures, results.find(isClientError));
    for (const part of parts) {
      const result = resultOf(part.queue.partition);
      if (!isClientError(result)) part.queue.written(part, result);
      else this.#resolve(part, part.queue.partition < partitions ? mistaken(result) : result, waitMs);
    }
    this.#pumpSoon();
  }

  async #exchange(topic: TopicQueue, parts: readonly Part[]): Promise<(partition: number) => ProduceResult> {
    try {
      const answer = await this.#context.connection.exchange({
        method: 'POST',
        path: paths.produce(topic.topic),
        query: { topicId: topic.topicId },
        pieces: produceFramesInPieces(
          parts.map(({ queue, sealed }) => ({ partition: queue.partition, batches: sealed })),
        ),
        contentType: BATCHES_MEDIA_TYPE,
        writes: true,
      });
      return produceResults(answer);
    } catch (error) {
      return () => asClientError(error);
    }
  }

  /**
   * A function with a stale copy may not know a topic or a partition yet. In that case the topic itself is read again.
   * @returns how many partitions exist although the answer denies one, or 0 when the answer is to be believed.
   */
  async #partitionsLeft(topic: TopicQueue, results: readonly ProduceResult[]): Promise<number> {
    const { metadata } = this.#context;
    const codes = new Set(results.map((result) => (isClientError(result) ? result.errorCode : '')));
    if (codes.has('INCONSISTENT_TOPIC_ID') || codes.has('MESSAGE_TOO_LARGE')) metadata.forget(topic.topic);
    if (!codes.has('UNKNOWN_TOPIC_OR_PARTITION')) return 0;
    metadata.forget(topic.topic);
    const now = await metadata.refresh(topic.topic).catch(() => undefined);
    return now?.topicId === topic.topicId ? now.partitions : 0;
  }

  #resolve(part: Part, error: RivuletClientError, waitMs: number): void {
    const { queue } = part;
    part.certain &&= error.outcome === 'not-written';
    const verdict = verdictOf(error, {
      certain: part.certain,
      oldest: queue.isOldest(part),
      idempotent: part.identity !== undefined,
      transactional: this.#settings.isTransactional,
    });
    const nowMs = this.#context.clock.monotonic();
    const againMs = nowMs + waitMs;
    const mayRetry = part.failures < this.#settings.retries;
    if (verdict === 'written') queue.written(part, undefined);
    else if (verdict === 'renew' && mayRetry && nowMs < part.deadlineMs) queue.renew(part, error, againMs);
    else if (verdict === 'again' && mayRetry && againMs < part.deadlineMs) queue.sendAgain(part, error, againMs);
    else queue.fail(part, error);
  }
}

function noPartition(partition: number, { topic, partitions }: TopicMetadata): RivuletClientError {
  const detail = `partition: expected a partition of ${topic} from 0 to ${partitions - 1}, got ${partition}`;
  return new RivuletClientError('UNKNOWN_TOPIC_OR_PARTITION', detail, { outcome: 'not-written', topic, partition });
}

function mistaken(error: RivuletClientError): RivuletClientError {
  return error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION' ? error.with({ retriable: true }) : error;
}
