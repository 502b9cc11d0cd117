// This file defines a consumer's options with their defaults and bounds, and the types that name partitions and offsets.
import { limits } from '../../lib/api/limits.ts';
import { invalid, type RivuletClientError } from '../client-error.ts';
import type { MemberOptions } from '../group/group-member.ts';
import type { MembershipEvent } from '../group/membership.ts';
import type { Deserializer } from '../serdes.ts';
import { whyNotText } from '../text.ts';
import { checkTracing, type Tracing } from '../tracing.ts';
import { checkFunctions, checkMethods, choiceOption, wholeOption } from '../whole-option.ts';
import type { OffsetReset } from './assigned-partition.ts';
import type { RetentionWarning } from './retention-watch.ts';
import type { FetchSettings } from './topic-fetcher.ts';

export type TopicPartition = { readonly topic: string; readonly partition: number };

/**
 * Without an offset, reading begins at the group's committed offset if there is a group, and otherwise at the earliest or
 * latest offset, as autoOffsetReset says.
 */
export type Assignment = TopicPartition & { readonly offset?: number };

/** Names all assigned partitions of the topic, or the listed ones. */
export type TopicPartitions = { readonly topic: string; readonly partitions?: readonly number[] };

/** `offset` is that of the next message to be read. `metadata` is a note. */
export type OffsetToCommit = TopicPartition & { readonly offset: number; readonly metadata?: string };

/** `K` and `V` are what the deserializers make; without any, bytes. */
export type ConsumerOptions<K = Buffer, V = Buffer> = GroupOptions & {
  /** They turn bytes into keys and values, one message after the other. By default both stay bytes. */
  readonly keyDeserializer?: Deserializer<K>;
  readonly valueDeserializer?: Deserializer<V>;
  /**
   * Called with the error of a record that a deserializer has failed for. When it returns, the record is skipped, and counts as
   * handled. Without it, or when it throws, reading ends with the error.
   */
  readonly onDeserializationError?: (error: RivuletClientError) => Promise<void> | void;
  /** Where to begin without an offset, or when the log no longer holds it. `none`: fail. Default latest, as in Kafka. */
  readonly autoOffsetReset?: OffsetReset;
  /**
   * The most bytes of one answer. At least one batch comes if there is one. Default and maximum: 4 MiB. The consumer reads
   * one answer ahead per 256 partitions of a topic, and holds up to two answers per handler.
   */
  readonly maxBytes?: number;
  readonly maxBytesPerPartition?: number;
  /** The server waits until it has this many bytes. Default 1. */
  readonly minBytes?: number;
  /** The longest wait to which a poll may grow while no records come, milliseconds. Default and maximum: 20,000. */
  readonly maxWaitMs?: number;
  /**
   * How long an idle consumer may pause between two polls, milliseconds. With pauses the server never waits. By default, 0,
   * the server waits and a message comes immediately. AWS bills a function for the time it waits, but not for pauses of
   * the consumer. With 5,000, a consumer that mostly waits costs a fraction, and a message may be that much late. The
   * maximum is 60,000.
   */
  readonly maxIdlePauseMs?: number;
  /**
   * The most messages that one call of eachBatch gets. The default is whole batches, as the producer made them. eachMessage
   * always gets one message.
   */
  readonly maxPollRecords?: number;
  /** Called when retention comes close to a position, or has overtaken it. Must not throw. */
  readonly onRetention?: (warning: RetentionWarning) => void;
  /** Spans of what is received and of what handlers do: `openTelemetry()` of `rivulet/opentelemetry`. */
  readonly tracing?: Tracing;
};

export type GroupOptions = {
  /** Needed to share topics with the other consumers of the group (`subscribe`), and to commit offsets. */
  readonly groupId?: string;
  /**
   * Static membership: this id stays the same after a restart, and no other consumer may use it. Within the session, the
   * partitions wait for the consumer to return.
   */
  readonly groupInstanceId?: string;
  /** How the group divides partitions among its members: uniform (default) or range. */
  readonly assignor?: 'uniform' | 'range';
  /** Without a heartbeat for this long, other members take over. The lease in the group's reply decides. Default 45,000. */
  readonly sessionTimeoutMs?: number;
  /** At most a third of the session. Default 5,000, or a third of the session. */
  readonly heartbeatIntervalMs?: number;
  /** The consumer leaves its group when a handler, or a deserializer on a batch, works longer on one call. Default 300,000. */
  readonly maxPollIntervalMs?: number;
  /** Commits what has been handled at intervals, and before partitions are given up. Default true. */
  readonly autoCommit?: boolean;
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number;
  /** Called before any message of these partitions is handed over. This is the place to seek. */
  readonly onPartitionsAssigned?: (partitions: readonly TopicPartition[]) => Promise<void> | void;
  /**
   * Called when no handler works on these partitions any more, and what was handled is committed (autoCommit). The
   * application can still make a last commit.
   */
  readonly onPartitionsRevoked?: (partitions: readonly TopicPartition[]) => Promise<void> | void;
  /** Called when another member may already own these partitions. `reason` says why. */
  readonly onPartitionsLost?: (
    partitions: readonly TopicPartition[],
    reason: RivuletClientError,
  ) => Promise<void> | void;
  /** Must not throw. */
  readonly onMembership?: (event: MembershipEvent) => void;
};

export type Deserializers = {
  readonly keyDeserializer: Deserializer<unknown> | undefined;
  readonly valueDeserializer: Deserializer<unknown> | undefined;
  readonly onDeserializationError: ((error: RivuletClientError) => Promise<void> | void) | undefined;
};

export type ConsumerSettings = Omit<FetchSettings, 'committed'> &
  MemberOptions & {
    readonly groupId: string | undefined;
    readonly autoCommit: boolean;
    readonly autoCommitIntervalMs: number;
    readonly maxPollRecords: number;
    readonly tracing: Tracing | undefined;
    readonly deserializers: Deserializers;
    readonly listener: GroupOptions;
  };

const longestMs = 2_147_483_647;
const resets: readonly OffsetReset[] = ['earliest', 'latest', 'none'];
const listeners = [
  ...(['onPartitionsAssigned', 'onPartitionsRevoked', 'onPartitionsLost'] as const),
  ...(['onMembership', 'onRetention', 'onDeserializationError'] as const),
];

/** Throws RivuletClientError INVALID_REQUEST. */
export function consumerSettings<K, V>(options: ConsumerOptions<K, V>): ConsumerSettings {
  const maxBytes = limits.fetchBytes;
  const bytes = { fallback: maxBytes, min: 1, max: maxBytes };
  const { sessionTimeoutMs, heartbeatIntervalMs } = sessionOf(options);
  const { keyDeserializer, valueDeserializer, onDeserializationError } = options;
  checkFunctions(options, listeners);
  checkMethods(options, { keyDeserializer: 'deserialize', valueDeserializer: 'deserialize' });
  return {
    autoOffsetReset: choiceOption('autoOffsetReset', options.autoOffsetReset, resets, 'latest'),
    maxBytes: wholeOption('maxBytes', options.maxBytes, bytes),
    maxBytesPerPartition: wholeOption('maxBytesPerPartition', options.maxBytesPerPartition, bytes),
    minBytes: wholeOption('minBytes', options.minBytes, { fallback: 1, min: 0, max: maxBytes }),
    maxWaitMs: wholeOption('maxWaitMs', options.maxWaitMs, { fallback: limits.waitMs, min: 0, max: limits.waitMs }),
    maxIdlePauseMs: wholeOption('maxIdlePauseMs', options.maxIdlePauseMs, { fallback: 0, min: 0, max: 60_000 }),
    maxPollRecords: wholeOption('maxPollRecords', options.maxPollRecords, {
      fallback: Number.MAX_SAFE_INTEGER,
      min: 1,
    }),
    onRetention: options.onRetention,
    tracing: checkTracing(options.tracing),
    groupId: groupOf(options),
    groupInstanceId: options.groupInstanceId,
    assignor: choiceOption('assignor', options.assignor, ['uniform', 'range', undefined], undefined),
    sessionTimeoutMs,
    heartbeatIntervalMs,
    maxPollIntervalMs: wholeOption('maxPollIntervalMs', options.maxPollIntervalMs, {
      fallback: limits.defaultRebalanceTimeoutMs,
      min: 1,
      max: limits.maxRebalanceTimeoutMs,
    }),
    autoCommit: choiceOption('autoCommit', options.autoCommit, [true, false], true),
    autoCommitIntervalMs: wholeOption('autoCommitIntervalMs', options.autoCommitIntervalMs, {
      fallback: 5_000,
      min: 1,
      max: longestMs,
    }),
    deserializers: { keyDeserializer, valueDeserializer, onDeserializationError },
    listener: options,
  };
}

function sessionOf(options: GroupOptions): { sessionTimeoutMs: number; heartbeatIntervalMs: number } {
  const sessionTimeoutMs = wholeOption('sessionTimeoutMs', options.sessionTimeoutMs, {
    fallback: limits.defaultSessionTimeoutMs,
    min: limits.minSessionTimeoutMs,
    max: limits.maxSessionTimeoutMs,
  });
  const third = Math.floor(sessionTimeoutMs / 3);
  const heartbeatIntervalMs = wholeOption('heartbeatIntervalMs', options.heartbeatIntervalMs, {
    fallback: Math.min(limits.defaultHeartbeatIntervalMs, third),
    min: limits.minHeartbeatIntervalMs,
  });
  if (heartbeatIntervalMs <= third) return { sessionTimeoutMs, heartbeatIntervalMs };
  throw invalid(
    `heartbeatIntervalMs: expected at most a third of sessionTimeoutMs (${sessionTimeoutMs}), which is ${third}, because ` +
      `otherwise one lost heartbeat could end the membership, got ${heartbeatIntervalMs}`,
  );
}

function groupOf({ groupId, groupInstanceId }: GroupOptions): string | undefined {
  if (groupId === undefined && groupInstanceId !== undefined)
    throw invalid('groupInstanceId: expected the option groupId with it, got none');
  for (const [name, given] of Object.entries({ groupId, groupInstanceId })) {
    const wrong =
      given === undefined
        ? undefined
        : (whyNotText(given) ?? (given === '' && "expected text that is not empty, got ''"));
    if (wrong) throw invalid(`${name}: ${wrong}`);
  }
  return groupId;
}
