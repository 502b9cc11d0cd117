// Topics, groups, and their offsets. Every call is tried again while that is safe; a write that was not answered and then finds
// its work done counts as done.

import type { GroupDescription, GroupSummary } from '../../lib/api/groups.ts';
import type { AlterTopicRequest, ConfigEntry, CreateTopicRequest, PartitionDescription } from '../../lib/api/topics.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { isClientError, type PartResult, type RivuletClientError } from '../client-error.ts';
import type { Connection } from '../transport/connection.ts';
import { rangesOf } from '../transport/partition-ranges.ts';
import { oneByOne } from '../transport/parts.ts';
import { paths } from '../transport/paths.ts';
import type { RetryPolicy } from '../transport/retry.ts';
import { type AdminCalls, adminCalls, allPartitions } from './admin-calls.ts';
import {
  createGroupAdmin,
  type DeletedOffsets,
  type GroupAdmin,
  type GroupOffsets,
  type OffsetReset,
  type ResetOffsets,
  type SetOffsets,
  type TopicSelection,
} from './group-admin.ts';

export type TopicSummary = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
};

export type TopicDescription = TopicSummary & {
  readonly config: readonly ConfigEntry[];
  readonly warnings: readonly string[];
};

export type TopicOffsets = { readonly partition: number; readonly earliest: number; readonly latest: number };

/** `offset` is -1 when no record is at or after the time asked for. */
export type TimestampOffset = { readonly partition: number; readonly offset: number; readonly timestamp: number };

type OffsetQuery = 'earliest' | 'latest' | 'maxTimestamp' | number;

type TopicPage = { readonly topics: readonly TopicSummary[]; readonly nextAfter?: string };
type DetailPage = TopicDescription & {
  readonly partitionDetails: readonly PartitionDescription[];
  readonly nextPartition?: number;
};

/** Every method throws RivuletClientError. */
export class Admin {
  readonly #calls: AdminCalls;
  readonly #groups: GroupAdmin;

  constructor(connection: Connection, clock: Clock, retry: RetryPolicy) {
    this.#calls = adminCalls(connection, clock, retry);
    this.#groups = createGroupAdmin(this.#calls);
  }

  /** Here for KafkaJS's shape: there is nothing to connect. */
  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}

  /** One after the other; the first failure ends it, and has those made before in its results. TOPIC_ALREADY_EXISTS unless `ifNotExists`. */
  createTopics(request: {
    readonly topics: readonly CreateTopicRequest[];
    readonly ifNotExists?: boolean;
  }): Promise<TopicDescription[]> {
    return oneByOne(request.topics, async (topic) => [await this.#createTopic(topic, request.ifNotExists ?? false)]);
  }

  #createTopic({ topic, ...body }: CreateTopicRequest, ifNotExists: boolean): Promise<TopicDescription> {
    return this.#calls.retrying(async (before) => {
      try {
        return await this.#calls.ask<TopicDescription>({ method: 'PUT', path: paths.topic(topic), body, writes: true });
      } catch (error) {
        const exists = isClientError(error) && error.errorCode === 'TOPIC_ALREADY_EXISTS';
        if (!exists || !(ifNotExists || before?.outcome === 'unknown')) throw error;
        return this.#calls.ask<TopicDescription>({ method: 'GET', path: paths.topic(topic), writes: false });
      }
    });
  }

  /** All topics, by name. */
  async listTopics(): Promise<TopicSummary[]> {
    const topics: TopicSummary[] = [];
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await this.#calls.read<TopicPage>(paths.topics, { after });
      topics.push(...page.topics);
      after = page.nextAfter;
    }
    return topics;
  }

  /** With every partition's offsets and bytes. */
  async describeTopic(topic: string): Promise<TopicDescription & { partitionDetails: PartitionDescription[] }> {
    const partitionDetails: PartitionDescription[] = [];
    for (let partitionsFrom = 0; ; ) {
      const page = await this.#calls.read<DetailPage>(paths.topic(topic), { partitionsFrom, partitionsLimit: 256 });
      partitionDetails.push(...page.partitionDetails);
      const { nextPartition, ...description } = page;
      if (nextPartition === undefined) return { ...description, partitionDetails };
      partitionsFrom = nextPartition;
    }
  }

  alterTopic({ topic, ...body }: AlterTopicRequest): Promise<TopicDescription> {
    return this.#calls.retrying(() =>
      this.#calls.ask<TopicDescription>({ method: 'PATCH', path: paths.topic(topic), body, writes: true }),
    );
  }

  /** `partitions` is the new total. */
  createPartitions(request: { readonly topic: string; readonly partitions: number }): Promise<TopicDescription> {
    return this.alterTopic(request);
  }

  /** The data goes with the topic. UNKNOWN_TOPIC_OR_PARTITION if there is none of that name. */
  async deleteTopics(request: { readonly topics: readonly string[] }): Promise<void> {
    await oneByOne(request.topics, (topic) => this.#calls.retrying((before) => this.#deleteTopic(topic, before)));
  }

  async #deleteTopic(topic: string, before: RivuletClientError | undefined): Promise<PartResult[]> {
    try {
      await this.#calls.ask({ method: 'DELETE', path: paths.topic(topic), writes: true });
    } catch (error) {
      const gone = isClientError(error) && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION';
      if (!gone || before?.outcome !== 'unknown') throw error;
    }
    return [{ topic }];
  }

  async fetchTopicOffsets(topic: string): Promise<TopicOffsets[]> {
    const [earliest, latest] = await Promise.all([this.#offsets(topic, 'earliest'), this.#offsets(topic, 'latest')]);
    const ends = new Map(latest.map(({ partition, offset }) => [partition, offset]));
    return earliest.map(({ partition, offset }) => ({
      partition,
      earliest: offset,
      latest: Math.max(offset, ends.get(partition) ?? offset),
    }));
  }

  /** Per partition the first offset whose record's timestamp is at or after `timestampMs` (epoch milliseconds). */
  fetchTopicOffsetsByTimestamp(topic: string, timestampMs: number): Promise<TimestampOffset[]> {
    return this.#timedOffsets(topic, timestampMs);
  }

  /** Per partition the first offset that has the greatest timestamp of all its records; -1 and -1 where there are none. */
  fetchTopicOffsetsAtMaxTimestamp(topic: string): Promise<TimestampOffset[]> {
    return this.#timedOffsets(topic, 'maxTimestamp');
  }

  /** One request searches so many partitions at most. */
  async #timedOffsets(topic: string, at: OffsetQuery): Promise<TimestampOffset[]> {
    const found: TimestampOffset[] = [];
    for (const range of rangesOf(await allPartitions(this.#calls, topic)))
      found.push(...(await this.#offsets(topic, at, range)));
    return found;
  }

  async #offsets(topic: string, at: OffsetQuery, partitions?: string): Promise<TimestampOffset[]> {
    const query = { at, partitions };
    return (await this.#calls.read<{ partitions: TimestampOffset[] }>(paths.offsets(topic), query)).partitions;
  }

  // --- groups

  /** All groups, by name. */
  listGroups(): Promise<GroupSummary[]> {
    return this.#groups.list();
  }

  /** One after the other. GROUP_ID_NOT_FOUND if one of them is not there. */
  async describeGroups(groupIds: readonly string[]): Promise<GroupDescription[]> {
    const described: GroupDescription[] = [];
    for (const groupId of groupIds) described.push(await this.#groups.describe(groupId));
    return described;
  }

  /** With their offsets, one after the other. NON_EMPTY_GROUP if one has members. */
  async deleteGroups(groupIds: readonly string[]): Promise<void> {
    await oneByOne(groupIds, async (groupId) => {
      await this.#groups.delete(groupId);
      return [{ groupId }];
    });
  }

  /** The committed offsets: of all topics, or of those named. */
  fetchOffsets(request: {
    readonly groupId: string;
    readonly topics?: readonly TopicSelection[];
  }): Promise<GroupOffsets[]> {
    return this.#groups.fetchOffsets(request);
  }

  /** NON_EMPTY_GROUP if the group has members. With `dryRun` it only tells what would be set. */
  resetOffsets(request: ResetOffsets): Promise<OffsetReset[]> {
    return this.#groups.resetOffsets(request);
  }

  /** As resetOffsets, to an offset for each partition; those outside the log are brought to its start or end. */
  setOffsets(request: SetOffsets): Promise<OffsetReset[]> {
    return this.#groups.setOffsets(request);
  }

  /** GROUP_SUBSCRIBED_TO_TOPIC if a member subscribes to one of them. */
  deleteGroupOffsets(request: {
    readonly groupId: string;
    readonly topics: readonly TopicSelection[];
  }): Promise<DeletedOffsets[]> {
    return this.#groups.deleteOffsets(request);
  }
}
