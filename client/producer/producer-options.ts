// This file defines a producer's options, with their defaults and bounds.
import { limits } from '../../lib/api/limits.ts';
import type { Compression } from '../../lib/record/compression.ts';
import type { Tracing } from '../tracing.ts';
import { writtenCodecs } from '../transport/node.ts';
import { choiceOption, wholeOption } from '../whole-option.ts';
import type { TopicSettings } from './topic-queue.ts';

export type ProducerOptions = {
  /**
   * Names this producer across its lives, so that transaction() can be used: of all instances with this name only the newest
   * one can commit.
   */
  readonly transactionalId?: string;
  /** A transaction is aborted so long after its first record, milliseconds. Default 60,000, maximum 900,000. */
  readonly transactionTimeoutMs?: number;
  /** Retries never write twice. Default true. */
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
};

const KiB = 1024;

/** Throws RivuletClientError INVALID_REQUEST, naming the option, its bounds and the value. */
export function settingsOf(options: ProducerOptions): Omit<ProducerSettings, 'ids' | 'clock' | 'isTransactional'> {
  const bodyBytes = limits.binaryBodyBytes;
  const { lingerMs, batchSize, maxRequestBytes, maxInFlightRequests, bufferMemory } = options;
  return {
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

/** The server remembers the offsets of a producer's last five appends to a partition. */
const inFlightBounds = { fallback: 1, min: 1, max: 5 };
