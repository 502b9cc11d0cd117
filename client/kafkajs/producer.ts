// KafkaJS's producer over the SDK's.

import type { Compression } from '../../lib/record/compression.ts';
import { isClientError } from '../client-error.ts';
import type { Consumer as SdkConsumer } from '../consumer/consumer.ts';
import { grouped } from '../grouped.ts';
import type { Producer as SdkProducer } from '../producer/producer.ts';
import type { ProducerOptions } from '../producer/producer-options.ts';
import type { TopicMessages as SdkTopicMessages } from '../producer/sender.ts';
import type { Transaction as SdkTransaction } from '../producer/transaction.ts';
import { CompressionTypes } from './constants.ts';
import { converted, converting, KafkaJSAggregateError, KafkaJSNonRetriableError } from './errors.ts';
import { Events, type Listener, producerEvents } from './events.ts';
import type { Logger } from './logger.ts';
import { type KafkaJsMessage, type RecordMetadata, toRecordMetadata, toSdkMessage, wholeText } from './messages.ts';
import { type CreatePartitioner, partitionMetadata } from './partitioners.ts';

export type ProducerConfig = {
  readonly createPartitioner?: CreatePartitioner;
  readonly idempotent?: boolean;
  readonly transactionalId?: string;
  readonly transactionTimeout?: number;
  readonly maxInFlightRequests?: number | null;
  /** No effect: a topic must exist. */
  readonly allowAutoTopicCreation?: boolean;
  /** No effect: metadata is renewed every five minutes, and where an answer shows that it is old. */
  readonly metadataMaxAge?: number;
  /** The SDK retries until its delivery timeout; what KafkaJS calls `retry` has no effect on sends. */
  readonly retry?: object;
};

type SendOptions = { readonly acks?: number; readonly timeout?: number; readonly compression?: number };
export type TopicMessages = { readonly topic: string; readonly messages: readonly KafkaJsMessage[] };
export type ProducerRecord = TopicMessages & SendOptions;
export type ProducerBatch = SendOptions & { readonly topicMessages?: readonly TopicMessages[] };

export type Offsets = {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }[];
};

export type ProducerContext = {
  readonly logger: Logger;
  readonly newProducer: (options: ProducerOptions) => SdkProducer;
  /** The running consumers of a group in this process. */
  readonly consumersOf: (groupId: string) => readonly SdkConsumer[];
};

const codecs: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export class Producer {
  readonly events = producerEvents;
  readonly #context: ProducerContext;
  readonly #config: ProducerConfig;
  readonly #events: Events;
  readonly #partitioner: ReturnType<CreatePartitioner> | undefined;
  /** The SDK's producer has one codec, and KafkaJS names one with each send. */
  readonly #producers = new Map<Compression, SdkProducer>();

  constructor(context: ProducerContext, config: ProducerConfig = {}) {
    this.#context = context;
    this.#config = config;
    this.#events = new Events(producerEvents, context.logger);
    this.#partitioner = config.createPartitioner?.();
  }

  async connect(): Promise<void> {
    for (const producer of this.#producers.values()) await producer.connect();
    this.#events.emit(producerEvents.CONNECT);
  }

  async disconnect(): Promise<void> {
    await Promise.all([...this.#producers.values()].map((producer) => producer.disconnect()));
    this.#events.emit(producerEvents.DISCONNECT);
  }

  isIdempotent(): boolean {
    return this.#config.idempotent ?? true;
  }

  on(event: string, listener: Listener): () => void {
    return this.#events.on(event, listener);
  }

  logger(): Logger {
    return this.#context.logger;
  }

  send({ topic, messages, ...options }: ProducerRecord): Promise<RecordMetadata[]> {
    return this.sendBatch({ topicMessages: [{ topic, messages }], ...options });
  }

  async sendBatch({ topicMessages = [], acks = -1, compression = 0 }: ProducerBatch): Promise<RecordMetadata[]> {
    if (acks === 0 && this.#config.idempotent)
      throw new KafkaJSNonRetriableError('acks: an idempotent producer needs -1 (all), got 0');
    const producer = this.#producerFor(compression);
    const sending = sendVia(producer, await this.#partitioned(producer, topicMessages));
    if (acks !== 0) return sending;
    sending.catch((error: unknown) => this.#context.logger.warn(`a send with acks 0 has failed: ${String(error)}`));
    return [];
  }

  async transaction(): Promise<Transaction> {
    const producer = this.#producerFor(0);
    const transaction = await converting(() => producer.transaction());
    return new Transaction(transaction, (topics) => this.#partitioned(producer, topics), this.#context.consumersOf);
  }

  #producerFor(compression: number): SdkProducer {
    const codec = codecs[compression];
    if (codec === undefined)
      throw new KafkaJSNonRetriableError(
        `compression: expected one of ${Object.values(CompressionTypes).join(', ')}, got ${compression}`,
      );
    const known = this.#producers.get(codec) ?? this.#context.newProducer(this.#options(codec));
    this.#producers.set(codec, known);
    return known;
  }

  #options(compression: Compression): ProducerOptions {
    const { idempotent, transactionalId, transactionTimeout, maxInFlightRequests } = this.#config;
    return {
      // KafkaJS does not wait for more messages. Those that are sent in one go share a batch all the same.
      ...{ compression, lingerMs: 0 },
      ...(idempotent !== undefined && transactionalId === undefined && { idempotent }),
      ...(transactionalId !== undefined && { transactionalId }),
      ...(transactionTimeout !== undefined && { transactionTimeoutMs: transactionTimeout }),
      ...(maxInFlightRequests && { maxInFlightRequests }),
    };
  }

  /** Without a partitioner of the program, the SDK chooses as Kafka's own clients do. */
  #partitioned(producer: SdkProducer, topics: readonly TopicMessages[]): Promise<SdkTopicMessages[]> {
    return Promise.all(
      topics.map(async ({ topic, messages }) => {
        if (!Array.isArray(messages))
          throw new KafkaJSNonRetriableError(`Invalid messages array [${messages}] for topic "${topic}"`);
        const choose = this.#partitioner;
        if (!choose) return { topic, messages: messages.map((message) => toSdkMessage(message)) };
        const metadata = partitionMetadata(await converting(() => producer.partitionsFor(topic)));
        const chosen = (message: KafkaJsMessage) => choose({ topic, partitionMetadata: metadata, message });
        return { topic, messages: messages.map((message) => toSdkMessage(message, chosen(message))) };
      }),
    );
  }
}

/** Sends, and gives a program that caught an error the one error, or the errors of several parts. */
async function sendVia(
  sender: Pick<SdkProducer, 'sendBatch'>,
  topicMessages: readonly SdkTopicMessages[],
): Promise<RecordMetadata[]> {
  try {
    return toRecordMetadata(await sender.sendBatch({ topicMessages }));
  } catch (error) {
    if (!isClientError(error)) throw error;
    const failed = (error.results ?? []).filter(isClientError);
    const kinds = new Map(failed.map((one) => [`${one.errorCode} ${one.topic} ${one.partition}`, one]));
    if (kinds.size < 2) throw converted(error);
    throw new KafkaJSAggregateError(error.detail, [...kinds.values()].map(converted));
  }
}

export class Transaction {
  readonly #transaction: SdkTransaction;
  readonly #partitioned: (topics: readonly TopicMessages[]) => Promise<SdkTopicMessages[]>;
  readonly #consumersOf: ProducerContext['consumersOf'];

  constructor(
    transaction: SdkTransaction,
    partitioned: (topics: readonly TopicMessages[]) => Promise<SdkTopicMessages[]>,
    consumersOf: ProducerContext['consumersOf'],
  ) {
    this.#transaction = transaction;
    this.#partitioned = partitioned;
    this.#consumersOf = consumersOf;
  }

  isActive(): boolean {
    return this.#transaction.isActive();
  }

  send({ topic, messages }: ProducerRecord): Promise<RecordMetadata[]> {
    return this.sendBatch({ topicMessages: [{ topic, messages }] });
  }

  async sendBatch({ topicMessages = [] }: ProducerBatch): Promise<RecordMetadata[]> {
    return sendVia(this.#transaction, await this.#partitioned(topicMessages));
  }

  /**
   * The offsets of a partition are sent in the name of the consumer of this process that owns it. So they count only if it
   * still owns it at the commit. Without such a consumer, the group must have no members.
   */
  async sendOffsets({ consumerGroupId, topics }: Offsets & { readonly consumerGroupId: string }): Promise<void> {
    const consumers = this.#consumersOf(consumerGroupId);
    const ownerOf = (topic: string, partition: number) =>
      consumers.find((one) => one.assignment().some((own) => own.topic === topic && own.partition === partition));
    const rows = topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset: wholeText('offset', offset) })),
    );
    const byOwner = grouped(rows, ({ topic, partition }) => ownerOf(topic, partition) ?? consumers[0]);
    for (const [consumer, owned] of byOwner) {
      const offsets = owned.map(({ topic, partition, offset }) => ({ topic, partitions: [{ partition, offset }] }));
      const by = consumer ? { consumer } : { groupId: consumerGroupId };
      await converting(() => this.#transaction.sendOffsets({ topics: offsets, ...by }));
    }
  }

  async commit(): Promise<void> {
    await converting(() => this.#transaction.commit());
  }

  abort(): Promise<void> {
    return converting(() => this.#transaction.abort());
  }
}
