// KafkaJS's consumer over the SDK's.
//
// Invariants: `run` resolves when reading has begun, as in KafkaJS, and reading ends with stop() or disconnect() alone. A handler
// that throws gets its message again. An offset is committed when the handler has returned, or has resolved it.

import { systemClock } from '../../lib/runtime/clock.ts';
import { isClientError } from '../client-error.ts';
import type { Consumer as SdkConsumer } from '../consumer/consumer.ts';
import type { ConsumerOptions, TopicPartition } from '../consumer/consumer-options.ts';
import type { MessageBatch } from '../consumer/handlers.ts';
import { grouped } from '../grouped.ts';
import type { ConsumedMessage } from '../message.ts';
import { Batch } from './batch.ts';
import {
  type ConsumerConfig,
  type ConsumerRunConfig,
  type ConsumerSubscribeTopic,
  type ConsumerSubscribeTopics,
  type EachBatchPayload,
  type OffsetsByTopic,
  sdkOptions,
  type TopicPartitionOffsetAndMetadata,
  type TopicPartitions,
} from './consumer-config.ts';
import { converting, KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, kafkaJsError } from './errors.ts';
import { consumerEvents, Events, type Listener } from './events.ts';
import type { Logger } from './logger.ts';
import { type KafkaMessage, toKafkaMessage, wholeText } from './messages.ts';
import { goOnAt, isLeft, type Place } from './place.ts';
import type { Retry } from './retry.ts';

export type ConsumerContext = {
  readonly logger: Logger;
  readonly retry: Retry;
  readonly newConsumer: (options: ConsumerOptions) => SdkConsumer;
  readonly topicNames: () => Promise<readonly string[]>;
  readonly describeGroup: (groupId: string) => Promise<unknown>;
  /** Called while the consumer reads, so that transactions find it by its group. */
  readonly reading: (groupId: string, consumer: SdkConsumer) => () => void;
};

export class Consumer {
  readonly events = consumerEvents;
  readonly #context: ConsumerContext;
  readonly #config: ConsumerConfig;
  readonly #events: Events;
  readonly #retry: Retry;
  readonly #topics: (string | RegExp)[] = [];
  /** The partitions that the program has sought or paused, or read from. */
  readonly #places = new Map<string, Place>();
  #fromBeginning: boolean | undefined;
  #consumer: SdkConsumer | undefined;
  #running: Promise<void> | undefined;
  #isStopping = false;
  #sinceCommit = 0;
  #memberId = '';

  constructor(context: ConsumerContext, config: ConsumerConfig) {
    if (!config?.groupId) throw new KafkaJSNonRetriableError('Consumer groupId must be a non-empty string.');
    this.#context = context;
    this.#config = config;
    this.#retry = { ...context.retry, ...config.retry };
    this.#events = new Events(consumerEvents, context.logger);
  }

  async connect(): Promise<void> {
    this.#events.emit(consumerEvents.CONNECT);
  }

  async disconnect(): Promise<void> {
    await this.stop();
    this.#events.emit(consumerEvents.DISCONNECT);
  }

  on(event: string, listener: Listener): () => void {
    return this.#events.on(event, listener);
  }

  logger(): Logger {
    return this.#context.logger;
  }

  describeGroup(): Promise<unknown> {
    return this.#context.describeGroup(this.#config.groupId);
  }

  // --- what to read

  /** Adds to the topics of earlier calls. `fromBeginning` holds for the whole consumer. */
  async subscribe({
    fromBeginning = false,
    ...named
  }: ConsumerSubscribeTopics | ConsumerSubscribeTopic): Promise<void> {
    if (this.#running !== undefined)
      throw new KafkaJSNonRetriableError('Cannot subscribe to topic while consumer is running');
    const topics = 'topics' in named ? named.topics : [named.topic];
    for (const topic of topics)
      if (!(topic instanceof RegExp) && (typeof topic !== 'string' || topic === ''))
        throw new KafkaJSNonRetriableError(`Invalid topic ${JSON.stringify(topic)}: expected a name or a RegExp`);
    if (this.#fromBeginning !== undefined && this.#fromBeginning !== fromBeginning)
      throw new KafkaJSNonRetriableError('fromBeginning: expected the same for all topics of a consumer, got both');
    this.#fromBeginning = fromBeginning;
    this.#topics.push(...topics);
  }

  seek({ topic, partition, offset }: TopicPartition & { readonly offset: string }): void {
    const to = wholeText('offset', offset);
    if (to < 0) throw new KafkaJSNonRetriableError(`Offset must be at least 0, got ${offset}`);
    this.#reading('seek').seek({ topic, partition, offset: to });
    this.#place(topic, partition).seeks++;
  }

  pause(topics: readonly TopicPartitions[] = []): void {
    this.#reading('pause').pause(topics);
    for (const place of this.#placesOf(topics)) place.isPaused = true;
  }

  resume(topics: readonly TopicPartitions[] = []): void {
    this.#reading('resume').resume(topics);
    for (const place of this.#placesOf(topics)) place.isPaused = false;
  }

  paused(): { readonly topic: string; readonly partitions: readonly number[] }[] {
    const paused = [...this.#places.values()].filter(({ isPaused }) => isPaused);
    return [...grouped(paused, ({ topic }) => topic)].map(([topic, places]) => ({
      topic,
      partitions: places.map(({ partition }) => partition),
    }));
  }

  #place(topic: string, partition: number): Place {
    const key = JSON.stringify([topic, partition]);
    const place = this.#places.get(key) ?? { topic, partition, seeks: 0, isPaused: false };
    this.#places.set(key, place);
    return place;
  }

  /** Without partitions, those of the topic that are assigned are meant. */
  #placesOf(topics: readonly TopicPartitions[]): Place[] {
    const assigned = this.#consumer?.assignment() ?? [];
    return topics.flatMap(({ topic, partitions }) => {
      const own = assigned.filter((one) => one.topic === topic).map(({ partition }) => partition);
      return (partitions ?? own).map((partition) => this.#place(topic, partition));
    });
  }

  async commitOffsets(offsets: readonly TopicPartitionOffsetAndMetadata[] = []): Promise<void> {
    const all = offsets.map(({ topic, partition, offset, metadata }) => ({
      ...{ topic, partition, offset: wholeText('offset', offset) },
      ...(metadata && { metadata }),
    }));
    await converting(() => this.#reading('commitOffsets').commit(all));
    this.#events.emit(consumerEvents.COMMIT_OFFSETS, {
      groupId: this.#config.groupId,
      memberId: this.#memberId,
      topics: all,
    });
  }

  #reading(what: string): SdkConsumer {
    if (this.#consumer) return this.#consumer;
    throw new KafkaJSNonRetriableError(
      `Consumer group was not initialized, consumer#run must be called before ${what}`,
    );
  }

  // --- reading

  async run(config: ConsumerRunConfig): Promise<void> {
    if (this.#running !== undefined) {
      this.#context.logger.warn('consumer#run was called, but the consumer is already running');
      return;
    }
    if (typeof (config.eachMessage ?? config.eachBatch) !== 'function')
      throw new KafkaJSNonRetriableError('run: expected a function eachMessage or eachBatch');
    await converting(async () => {
      const consumer = this.#context.newConsumer(this.#options(config));
      consumer.subscribe({ topics: await this.#resolvedTopics() });
      this.#consumer = consumer;
    });
    this.#isStopping = false;
    this.#running = this.#readOn(this.#consumer!, config);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const running = this.#running;
    if (!running) return;
    try {
      await this.#consumer?.stop();
    } catch (error) {
      this.#context.logger.warn(`the last offsets were not committed: ${String(error)}`);
    }
    await running;
    this.#running = undefined;
    this.#consumer = undefined;
    this.#events.emit(consumerEvents.STOP);
  }

  /** One RegExp goes to the service, which then finds topics that are created later. A list with one is looked up once. */
  async #resolvedTopics(): Promise<readonly string[] | RegExp> {
    const [first] = this.#topics;
    if (this.#topics.length === 1 && first instanceof RegExp) return first;
    if (!this.#topics.some((topic) => topic instanceof RegExp)) return this.#topics as string[];
    const names = await this.#context.topicNames();
    return this.#topics.flatMap((topic) =>
      topic instanceof RegExp ? names.filter((name) => topic.test(name)) : [topic],
    );
  }

  #options(run: ConsumerRunConfig): ConsumerOptions {
    return {
      ...sdkOptions(this.#config, run),
      autoOffsetReset: this.#fromBeginning ? 'earliest' : 'latest',
      onMembership: (event) => {
        if (event.type !== 'joined') return;
        this.#memberId = event.memberId;
        this.#tellJoin();
      },
      onPartitionsAssigned: () => this.#tellJoin(),
      onPartitionsRevoked: () => this.#tellRebalancing(),
      onPartitionsLost: () => this.#tellRebalancing(),
    };
  }

  #tellJoin(): void {
    const { groupId } = this.#config;
    const byTopic = grouped(this.#consumer?.assignment() ?? [], ({ topic }) => topic);
    const memberAssignment = Object.fromEntries(
      [...byTopic].map(([topic, rows]) => [topic, rows.map(({ partition }) => partition)]),
    );
    const member = { memberId: this.#memberId, leaderId: '', isLeader: false, memberAssignment };
    this.#events.emit(consumerEvents.GROUP_JOIN, { groupId, ...member, groupProtocol: 'uniform', duration: 0 });
  }

  #tellRebalancing(): void {
    this.#events.emit(consumerEvents.REBALANCING, { groupId: this.#config.groupId, memberId: this.#memberId });
  }

  /** Reads until stop(). The SDK's consumer ends with an error: that is a crash, after which it begins again. */
  async #readOn(consumer: SdkConsumer, config: ConsumerRunConfig): Promise<void> {
    const done = this.#context.reading(this.#config.groupId, consumer);
    try {
      while (!this.#isStopping) {
        const failure = await this.#readOnce(consumer, config);
        if (failure === undefined || !(await this.#restarts(failure))) return;
      }
    } finally {
      done();
    }
  }

  /** @returns what has ended it, or undefined after stop(). */
  async #readOnce(consumer: SdkConsumer, config: ConsumerRunConfig): Promise<unknown> {
    const { partitionsConsumedConcurrently: concurrency = 1 } = config;
    try {
      await consumer.run({ concurrency, eachBatch: (batch) => this.#handle(consumer, batch, config) });
      return undefined;
    } catch (error) {
      return this.#isStopping ? undefined : error;
    }
  }

  async #restarts(failure: unknown): Promise<boolean> {
    const error = kafkaJsError(failure) as Error & { readonly retriable?: boolean };
    const isRetriable = error instanceof KafkaJSNumberOfRetriesExceeded || error.retriable !== false;
    const restart = isRetriable && (await this.#retry.restartOnFailure(error).catch(() => true));
    this.#context.logger.error(`Crash: ${error.name}: ${error.message}`, { groupId: this.#config.groupId, restart });
    this.#events.emit(consumerEvents.CRASH, { error, groupId: this.#config.groupId, restart });
    if (restart) await systemClock.sleep(this.#retry.initialRetryTime);
    return restart;
  }

  // --- handlers

  async #handle(consumer: SdkConsumer, given: MessageBatch, config: ConsumerRunConfig): Promise<void> {
    const { topic, partition, messages } = given;
    const batch = new Batch(given, messages.map(toKafkaMessage));
    const tells = { topic, partition, offsetLag: batch.offsetLag(), batchSize: messages.length };
    this.#events.emit(consumerEvents.START_BATCH_PROCESS, {
      ...tells,
      firstOffset: batch.firstOffset(),
      lastOffset: batch.lastOffset(),
    });
    const startedMs = performance.now();
    if (config.eachMessage) await this.#handMessages(consumer, given, batch.messages, config);
    else await this.#handBatch(consumer, given, batch, config);
    this.#events.emit(consumerEvents.END_BATCH_PROCESS, { ...tells, duration: performance.now() - startedMs });
  }

  async #handMessages(
    consumer: SdkConsumer,
    { topic, partition, messages: given }: MessageBatch,
    messages: readonly KafkaMessage[],
    { eachMessage, ...config }: ConsumerRunConfig,
  ): Promise<void> {
    const tools = { heartbeat, pause: () => this.#pauseOne(consumer, topic, partition) };
    const place = this.#place(topic, partition);
    const { seeks } = place;
    for (const [at, message] of messages.entries()) {
      if (place.seeks !== seeks) return;
      if (this.#isStopping || place.isPaused || isLeft(consumer, place)) return goOnAt(consumer, given[at]!);
      try {
        await this.#retrying(async () => eachMessage!({ topic, partition, message, ...tools }));
      } catch (error) {
        goOnAt(consumer, given[at]!);
        throw error;
      }
      await this.#commitAtThreshold(consumer, given[at]!, config);
    }
  }

  async #handBatch(
    consumer: SdkConsumer,
    given: MessageBatch,
    batch: Batch,
    { eachBatch, eachBatchAutoResolve = true, autoCommit = true }: ConsumerRunConfig,
  ): Promise<void> {
    const { topic, partition, messages } = given;
    let resolved = messages[0]!.offset - 1;
    const place = this.#place(topic, partition);
    const { seeks } = place;
    const isMoved = (): boolean => place.seeks !== seeks;
    const uncommittedOffsets = (): OffsetsByTopic => ({
      topics:
        resolved < messages[0]!.offset ? [] : [{ topic, partitions: [{ partition, offset: String(resolved + 1) }] }],
    });
    const payload: EachBatchPayload = {
      ...{ batch, heartbeat, uncommittedOffsets },
      resolveOffset: (offset) => {
        resolved = Math.max(resolved, wholeText('offset', offset));
      },
      pause: () => this.#pauseOne(consumer, topic, partition),
      commitOffsetsIfNecessary: async (offsets) => {
        if (!offsets && !autoCommit) return;
        const rows = (offsets ?? uncommittedOffsets()).topics.flatMap((one) =>
          one.partitions.map((row) => ({ topic: one.topic, ...row })),
        );
        if (rows.length > 0) await this.commitOffsets(rows);
      },
      isRunning: () => !this.#isStopping,
      isStale: () => isMoved() || isLeft(consumer, place),
    };
    try {
      await this.#retrying(async () => eachBatch!(payload));
      if (eachBatchAutoResolve && !this.#isStopping) resolved = messages.at(-1)!.offset;
    } finally {
      const next = messages.find(({ offset }) => offset > resolved);
      if (next && !isMoved()) goOnAt(consumer, next);
    }
  }

  /** Calls a handler again while it throws, with growing pauses. */
  async #retrying(handler: () => Promise<void>): Promise<void> {
    const { retries, initialRetryTime, maxRetryTime, multiplier } = this.#retry;
    let waitMs = initialRetryTime;
    for (let retryCount = 0; ; retryCount++) {
      try {
        return await handler();
      } catch (error) {
        if (this.#isStopping || isClientError(error)) throw error;
        const cause = error instanceof Error ? error : new Error(String(error));
        this.#context.logger.error(`the handler has thrown: ${cause.message}`, { retryCount, retryTime: waitMs });
        if (retryCount >= retries) throw new KafkaJSNumberOfRetriesExceeded(cause, { retryCount, retryTime: waitMs });
        await systemClock.sleep(waitMs);
        waitMs = Math.min(waitMs * multiplier, maxRetryTime);
      }
    }
  }

  async #commitAtThreshold(
    consumer: SdkConsumer,
    { topic, partition, offset }: ConsumedMessage,
    { autoCommit = true, autoCommitThreshold }: ConsumerRunConfig,
  ): Promise<void> {
    if (!autoCommit || !autoCommitThreshold || ++this.#sinceCommit < autoCommitThreshold) return;
    this.#sinceCommit = 0;
    await converting(() => consumer.commit([{ topic, partition, offset: offset + 1 }]));
  }

  #pauseOne(consumer: SdkConsumer, topic: string, partition: number): () => void {
    const one = [{ topic, partitions: [partition] }];
    this.pause(one);
    return () => {
      if (this.#consumer === consumer) this.resume(one);
    };
  }
}

/** A turn of the event loop, in which heartbeats can be sent. */
const heartbeat = (): Promise<void> => systemClock.sleep(0);
