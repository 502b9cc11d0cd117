// This file defines a producer's options, with their defaults and bounds.
import { limits } from '../../lib/api/limits.ts';
import type { Compression } from '../../lib/record/compression.ts';
import { invalid, type RivuletClientError } from '../client-error.ts';
import type { MessageBytes } from '../message.ts';
import type { Serializer } from '../serdes.ts';
import type { Tracing } from '../tracing.ts';
import { writtenCodecs } from '../transport/node.ts';
import { checkFunctions, checkMethods, choiceOption, wholeOption } from '../whole-option.ts';
import type { Partitioner } from './partitioner.ts';
import type { Serializers } from './serialize.ts';
import type { TopicSettings } from './topic-queue.ts';

export type Acks = 'all' | -1 | 0 | 1;

/** `K` and `V` are what the serializers take; without any, text or bytes. */
export type ProducerOptions<K = MessageBytes, V = MessageBytes> = {
  /** They turn keys and values into bytes. By default both are text or bytes already. */
  readonly keySerializer?: Serializer<K>;
  readonly valueSerializer?: Serializer<V>;
  /** Chooses the partition of each message that names none: `default`, `round-robin`, or a function of yours. */
  readonly partitioner?: Partitioner<K, V>;
  /** The partitioner `default` treats all messages as if they had no key. Default false. */
  readonly partitionerIgnoreKeys?: boolean;
  /**
   * Default `all`, which -1 and 1 mean too: a record is stored in three zones before its acknowledgement. With 0, send() resolves
   * when its messages are in their queues, with offset -1: nothing is known of them. Their errors go to `onSendError`.
   */
  readonly acks?: Acks;
  /** With acks 0, called with the error of a send whose caller was told nothing. Must not throw. */
  readonly onSendError?: (error: RivuletClientError) => void;
  /** How often a batch is sent again. Default 2,147,483,647, so that deliveryTimeoutMs ends the retries. */
  readonly retries?: number;
  /**
   * Names this producer across its lives, so that transaction() can be used: of all instances with this name only the newest
   * one can commit.
   */
  readonly transactionalId?: string;
  /** A transaction is aborted so long after its first record, milliseconds. Default 60,000, maximum 900,000. */
  readonly transactionTimeoutMs?: number;
  /** Retries never write twice. Default true, but false with acks 0 or retries 0. */
  readonly idempotent?: boolean;
  /** How long a batch waits for more records, milliseconds. Default 5. */
  readonly lingerMs?: number;
  /** Bytes of one batch before compression. Default 256 KiB; the topic's max.message.bytes bounds it too. */
  readonly batchSize?: number;
  /** Default none. In a browser: none or gzip. */
  readonly compression?: Compression;
  /** Bytes of one request, all partitions together. Default and maximum: 4 MiB. */
  readonly maxRequestBytes?: number;
  /** Requests under way at the same time. Default 5. */
  readonly maxInFlightRequests?: number;
  /** How many of these requests may carry records of the same partition. Default 1, maximum 5. */
  readonly maxInFlightPerPartition?: number;
  /**
   * How long a message may wait to be sent and sent again, milliseconds, once it has buffer memory. Default 120,000. A try
   * that has begun is not cut short, because its outcome would then be unknown. It may take requestTimeoutMs more.
   */
  readonly deliveryTimeoutMs?: number;
  /** Bytes of messages not yet answered. Beyond it send() waits. Default 32 MiB. A larger send is sent alone. */
  readonly bufferMemory?: number;
  /** Spans of sends, and `traceparent` in the headers of messages: `openTelemetry()` of `rivulet/opentelemetry`. */
  readonly tracing?: Tracing;
};

export type ProducerSettings = TopicSettings & {
  readonly maxInFlightRequests: number;
  readonly bufferMemory: number;
  readonly acks: Acks;
  readonly onSendError: ((error: RivuletClientError) => void) | undefined;
  readonly retries: number;
  readonly serializers: Serializers<unknown, unknown>;
};

const KiB = 1024;

/** Throws RivuletClientError INVALID_REQUEST, naming the option, its bounds and the value. */
export function settingsOf<K, V>(
  options: ProducerOptions<K, V>,
): Omit<ProducerSettings, 'ids' | 'clock' | 'isTransactional'> {
  const bodyBytes = limits.binaryBodyBytes;
  const { lingerMs, batchSize, maxRequestBytes, maxInFlightRequests, bufferMemory } = options;
  const { keySerializer, valueSerializer } = options;
  checkFunctions(options, ['onSendError']);
  checkMethods(options, { keySerializer: 'serialize', valueSerializer: 'serialize' });
  return {
    acks: choiceOption('acks', options.acks, ['all', -1, 0, 1], 'all'),
    onSendError: options.onSendError,
    retries: wholeOption('retries', options.retries, retriesBounds),
    serializers: { keySerializer, valueSerializer } as Serializers<unknown, unknown>,
    partitioner: partitionerOf(options.partitioner) as Partitioner<unknown, unknown>,
    ignoresKeys: choiceOption('partitionerIgnoreKeys', options.partitionerIgnoreKeys, [true, false], false),
    compression: choiceOption('compression', options.compression, writtenCodecs, 'none'),
    lingerMs: wholeOption('lingerMs', lingerMs, { fallback: 5, min: 0 }),
    batchBytes: wholeOption('batchSize', batchSize, { fallback: 256 * KiB, min: 1 }),
    maxRequestBytes: wholeOption('maxRequestBytes', maxRequestBytes, { fallback: bodyBytes, min: KiB, max: bodyBytes }),
    maxInFlightRequests: wholeOption('maxInFlightRequests', maxInFlightRequests, { fallback: 5, min: 1 }),
    maxInFlightPerPartition: wholeOption('maxInFlightPerPartition', options.maxInFlightPerPartition, inFlightBounds),
    deliveryTimeoutMs: wholeOption('deliveryTimeoutMs', options.deliveryTimeoutMs, { fallback: 120_000, min: 1 }),
    bufferMemory: wholeOption('bufferMemory', bufferMemory, { fallback: 32 * KiB * KiB, min: 1 }),
  };
}

const retriesBounds = { fallback: 2_147_483_647, min: 0, max: 2_147_483_647 };

function partitionerOf<K, V>(given: Partitioner<K, V> = 'default'): Partitioner<K, V> {
  if (typeof given === 'function') return given;
  return choiceOption('partitioner', given, ['default', 'round-robin'], 'default');
}

/**
 * As in Kafka, acks 0 and retries 0 turn idempotence off. Where it is asked for, they are refused.
 * Throws RivuletClientError INVALID_REQUEST.
 */
export function isIdempotent<K, V>({ idempotent, transactionalId, acks, retries }: ProducerOptions<K, V>): boolean {
  const wanted = choiceOption<boolean | undefined>('idempotent', idempotent, [true, false], undefined);
  if (wanted === false && transactionalId !== undefined)
    throw invalid('idempotent: expected true with the option transactionalId, got false');
  const asks = wanted ? 'idempotent' : transactionalId !== undefined && 'transactionalId';
  if (asks && acks === 0) throw invalid(`acks: expected all, -1 or 1 with the option ${asks}, got 0`);
  if (asks && retries === 0) throw invalid(`retries: expected at least 1 with the option ${asks}, got 0`);
  return wanted ?? (acks !== 0 && retries !== 0);
}

/** The server remembers the offsets of a producer's last five appends to a partition. */
const inFlightBounds = { fallback: 1, min: 1, max: 5 };
