// A consumer's options, their defaults and bounds; and how partitions and offsets are named to it.
import { limits } from '../../lib/api/limits.ts';
import { invalid, type RivuletClientError } from '../client-error.ts';
import type { MemberOptions } from '../group/group-member.ts';
import type { MembershipEvent } from '../group/membership.ts';
import { whyNotText } from '../text.ts';
import { checkFunctions, choiceOption, wholeOption } from '../whole-option.ts';
import type { OffsetReset } from './assigned-partition.ts';
import type { RetentionWarning } from './retention-watch.ts';
import type { FetchSettings } from './topic-fetcher.ts';

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** Without an offset: what the group has committed, if there is a group; else the earliest or latest, as autoOffsetReset says. */
export type Assignment = TopicPartition & { readonly offset?: number };

/** All assigned partitions of the topic, or these. */
export type TopicPartitions = { readonly topic: string; readonly partitions?: readonly number[] };

/** The offset of the next message to be read, and a note. */
export type OffsetToCommit = TopicPartition & { readonly offset: number; readonly metadata?: string };

export type ConsumerOptions = GroupOptions & {
  /** Where to begin without an offset, and when the offset is no longer there. `none`: fail. Default latest, as Kafka. */
  readonly autoOffsetReset?: OffsetReset;
  /** Of one answer; at least one batch comes if there is one. Default and most 4 MiB. One is read ahead per 256 partitions of a topic, and up to two are held per handler. */
  readonly maxBytes?: number;
  readonly maxBytesPerPartition?: number;
  /** The server waits until there are this many. Default 1. */
  readonly minBytes?: number;
  /** How long a poll may grow to wait while nothing flows, milliseconds. Default and most 20,000. */
  readonly maxWaitMs?: number;
  /**
   * How long an idle consumer may pause between two polls, milliseconds; the server then never waits. Default 0: the server
   * waits, and a message comes at once. In AWS a function is billed for the time it waits and not for pauses, so a consumer
   * that mostly waits costs a fraction with 5,000, and a message may be that much late. Most: 60,000.
   */
  readonly maxIdlePauseMs?: number;
  /** Messages that eachBatch gets at once, at most. Default: whole batches, as the producer made them. eachMessage always gets one. */
  readonly maxPollRecords?: number;
  /** Called when retention comes close to a position, or has overtaken it. Must not throw. */
  readonly onRetention?: (warning: RetentionWarning) => void;
};

export type GroupOptions = {
  /** To share topics with the other consumers of the group (`subscribe`), and to commit offsets. */
  readonly groupId?: string;
  /** Static membership: the same after a restart, and nobody else's. Within the session its partitions wait for it. */
  readonly groupInstanceId?: string;
  /** How the group shares partitions: uniform (default) or range. */
  readonly assignor?: 'uniform' | 'range';
  /** Without a heartbeat for so long, the others take over. The group has the last word. Default 45,000. */
  readonly sessionTimeoutMs?: number;
  /** At most a third of the session. Default 5,000, or a third of the session. */
  readonly heartbeatIntervalMs?: number;
  /** A handler that works for longer on what it was given has the consumer leave the group. Default 300,000. */
  readonly maxPollIntervalMs?: number;
  /** Commits what has been handled at times, and before partitions are given up. Default true. */
  readonly autoCommit?: boolean;
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number;
  /** Before anything of them is handed over: the place to seek. */
  readonly onPartitionsAssigned?: (partitions: readonly TopicPartition[]) => Promise<void> | void;
  /** Nothing of them is being worked on any more, and what was handled is committed (autoCommit); a last commit can be made. */
  readonly onPartitionsRevoked?: (partitions: readonly TopicPartition[]) => Promise<void> | void;
  /** They may be another's already; the reason says why. */
  readonly onPartitionsLost?: (
    partitions: readonly TopicPartition[],
    reason: RivuletClientError,
  ) => Promise<void> | void;
  /** Must not throw. */
  readonly onMembership?: (event: MembershipEvent) => void;
};

export type ConsumerSettings = Omit<FetchSettings, 'committed'> &
  MemberOptions & {
    readonly groupId: string | undefined;
    readonly autoCommit: boolean;
    readonly autoCommitIntervalMs: number;
    readonly maxPollRecords: number;
    readonly listener: GroupOptions;
  };

const longestMs = 2_147_483_647;
const resets: readonly OffsetReset[] = ['earliest', 'latest', 'none'];
const listeners = [
  ...(['onPartitionsAssigned', 'onPartitionsRevoked', 'onPartitionsLost'] as const),
  ...(['onMembership', 'onRetention'] as const),
];

/** Throws RivuletClientError INVALID_REQUEST. */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const maxBytes = limits.fetchBytes;
  const bytes = { fallback: maxBytes, min: 1, max: maxBytes };
  const { sessionTimeoutMs, heartbeatIntervalMs } = sessionOf(options);
  checkFunctions(options, listeners);
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
    `heartbeatIntervalMs: must be at most a third of sessionTimeoutMs (${sessionTimeoutMs}), which is ${third}, got ` +
      `${heartbeatIntervalMs}: one lost heartbeat would cost the membership`,
  );
}

function groupOf({ groupId, groupInstanceId }: GroupOptions): string | undefined {
  if (groupId === undefined && groupInstanceId !== undefined) throw invalid('groupInstanceId: needs a groupId');
  for (const [name, given] of Object.entries({ groupId, groupInstanceId })) {
    const wrong = given === undefined ? undefined : (whyNotText(given) ?? (given === '' && 'must not be empty'));
    if (wrong) throw invalid(`${name}: ${wrong}`);
  }
  return groupId;
}
