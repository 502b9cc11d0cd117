// The administration manages topics, groups, and their offsets. It retries every call while that is safe. A write that got
// no answer, and whose retry finds the work done, counts as done.

import type { GroupSummary } from '../../lib/api/groups.ts';
import type { MaintenanceOptions } from '../../lib/api/maintenance.ts';
import type { RetryReply, SubscriptionRef, SubscriptionSummary, UpdateSubscription } from '../../lib/api/push.ts';
import type { AlterTopicRequest, CreateTopicRequest } from '../../lib/api/topics.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { isClientError, type PartResult, type RivuletClientError } from '../client-error.ts';
import type { Connection } from '../transport/connection.ts';
import { rangesOf } from '../transport/partition-ranges.ts';
import { oneByOne } from '../transport/parts.ts';
import { paths } from '../transport/paths.ts';
import type { RetryPolicy } from '../transport/retry.ts';
import { type AdminCalls, adminCalls, allPartitions } from './admin-calls.ts';
import { type DeletedTopicRecords, type DeleteTopicRecords, deleteTopicRecords } from './delete-records.ts';
import {
  createGroupAdmin,
  type DeletedOffsets,
  type GroupAdmin,
  type GroupDescription,
  type GroupOffsets,
  type OffsetReset,
  type ResetOffsets,
  type SetOffsets,
  type TopicSelection,
} from './group-admin.ts';
import { type MaintenancePass, maintain, maintenance } from './maintenance-admin.ts';
import { type ListSegments, listSegments, type ReadSegment, readSegment, type SegmentPage } from './segment-admin.ts';
import {
  type CreatedSubscription,
  type CreateSubscription,
  createSubscriptionAdmin,
  type RotatedSecret,
  type SubscriptionAdmin,
  type SubscriptionDescription,
  type TestDelivery,
} from './subscription-admin.ts';
import type { PartitionDetails, TimestampOffset, TopicDescription, TopicOffsets, TopicSummary } from './topics.ts';
import {
  createTransactionAdmin,
  type TransactionAdmin,
  type TransactionDescription,
  type TransactionDetails,
} from './transaction-admin.ts';

type OffsetQuery = 'earliest' | 'latest' | 'maxTimestamp' | number;

type TopicPage = { readonly topics: readonly TopicSummary[]; readonly nextAfter?: string };
type DetailPage = TopicDescription & {
  readonly partitionDetails: readonly PartitionDetails[];
  readonly nextPartition?: number;
};

/** Every method throws RivuletClientError. */
export class Admin {
  readonly #calls: AdminCalls;
  readonly #groups: GroupAdmin;
  readonly #transactions: TransactionAdmin;
  readonly #subscriptions: SubscriptionAdmin;

  constructor(connection: Connection, clock: Clock, retry: RetryPolicy) {
    this.#calls = adminCalls(connection, clock, retry);
    this.#groups = createGroupAdmin(this.#calls);
    this.#transactions = createTransactionAdmin(this.#calls);
    this.#subscriptions = createSubscriptionAdmin(this.#calls);
  }

  /** Exists because KafkaJS has it: there is nothing to connect. */
  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}

  /**
   * Creates one topic after the other. The first failure ends the call: its results list the topics created before,
   * then the failure with its `topic`. The topics behind it are not tried. A topic that exists is an error, TOPIC_ALREADY_EXISTS, unless `ifNotExists` is set.
   */
  createTopics(request: {
    readonly topics: readonly CreateTopicRequest[];
    readonly ifNotExists?: boolean;
  }): Promise<TopicDescription[]> {
    const { topics, ifNotExists = false } = request;
    return oneByOne(
      topics,
      async (topic) => [await this.#createTopic(topic, ifNotExists)],
      ({ topic }) => ({ topic }),
    );
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

  /** Lists all topics, sorted by name. */
  async listTopics(): Promise<TopicSummary[]> {
    const topics: TopicSummary[] = [];
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await this.#calls.read<TopicPage>(paths.topics, { after });
      topics.push(...page.topics);
      after = page.nextAfter;
    }
    return topics;
  }

  /**
   * The description includes every partition's offsets and bytes. With `storage` it includes what maintenance has made of
   * each, which costs the service more reads the more log segments there are.
   */
  async describeTopic(
    topic: string,
    { storage }: { readonly storage?: boolean } = {},
  ): Promise<TopicDescription & { partitionDetails: PartitionDetails[] }> {
    const partitionDetails: PartitionDetails[] = [];
    for (let partitionsFrom = 0; ; ) {
      const query = { partitionsFrom, partitionsLimit: 256, ...(storage && { storage: 'true' }) };
      const page = await this.#calls.read<DetailPage>(paths.topic(topic), query);
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

  /**
   * Deletes the topics with their data, one after the other. The first failure ends the call, as with createTopics. Throws
   * UNKNOWN_TOPIC_OR_PARTITION if no topic has that name.
   */
  async deleteTopics(request: { readonly topics: readonly string[] }): Promise<void> {
    await oneByOne(
      request.topics,
      (topic) => this.#calls.retrying((before) => this.#deleteTopic(topic, before)),
      (topic) => ({ topic }),
    );
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

  /**
   * Deletes the records below an offset per partition, and returns the earliest offset of each. An offset below the earliest
   * changes nothing. Throws OFFSET_OUT_OF_RANGE for an offset above the end of a partition, and POLICY_VIOLATION if the
   * topic's cleanup.policy has no `delete`.
   */
  deleteTopicRecords(request: DeleteTopicRecords): Promise<DeletedTopicRecords[]> {
    return deleteTopicRecords(this.#calls, request);
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

  /** For each partition, finds the first record whose timestamp is at or after `timestampMs` (epoch milliseconds). */
  fetchTopicOffsetsByTimestamp(topic: string, timestampMs: number): Promise<TimestampOffset[]> {
    return this.#timedOffsets(topic, timestampMs);
  }

  /** For each partition, finds the first record with the greatest timestamp. Without records both numbers are -1. */
  fetchTopicOffsetsAtMaxTimestamp(topic: string): Promise<TimestampOffset[]> {
    return this.#timedOffsets(topic, 'maxTimestamp');
  }

  /** Sends one request per range, because one request may search only so many partitions. */
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

  // --- segments

  /**
   * Lists the stored pieces of a partition: their kinds, offsets, sizes, times and objects. One call returns one page, and
   * `nextOffset` is the `from` of the next: a partition may have a million pieces.
   */
  listSegments(request: ListSegments): Promise<SegmentPage> {
    return listSegments(this.#calls, request);
  }

  /**
   * Reads the stored bytes of the piece that holds an offset, at most 4 MiB at a time: batches of this partition, and nothing
   * else of the object. Throws NOT_FOUND if another object has the offset by now, so list the segments again.
   *
   *     for await (const bytes of admin.readSegment({ topic, partition, offset })) await file.write(bytes);
   */
  readSegment(request: ReadSegment): AsyncGenerator<Uint8Array> {
    return readSegment(this.#calls, request);
  }

  // --- maintenance

  /**
   * Starts a pass of maintenance over a topic, or over all topics and the objects that nothing names. It resolves as soon
   * as the pass is requested: `maintenance` tells how far it is. A pass that is at work already is returned instead.
   */
  maintain(request: MaintenanceOptions & { readonly topic?: string } = {}): Promise<MaintenancePass> {
    return maintain(this.#calls, request);
  }

  /** Returns the last pass with its report. Throws NOT_FOUND if none was ever requested. */
  maintenance(request: { readonly topic?: string } = {}): Promise<MaintenancePass> {
    return maintenance(this.#calls, request);
  }

  // --- groups

  /** Lists all groups, sorted by name. */
  listGroups(): Promise<GroupSummary[]> {
    return this.#groups.list();
  }

  /** Describes one group after the other. Throws GROUP_ID_NOT_FOUND if one of them does not exist. */
  describeGroups(groupIds: readonly string[]): Promise<GroupDescription[]> {
    return oneByOne(
      groupIds,
      async (groupId) => [await this.#groups.describe(groupId)],
      (groupId) => ({ groupId }),
    );
  }

  /**
   * Deletes groups with their offsets, one after the other. The first failure ends the call: its results list the groups
   * deleted before, then the failure with its `groupId`. The groups behind it are not tried. Throws NON_EMPTY_GROUP if a
   * group has members.
   */
  async deleteGroups(groupIds: readonly string[]): Promise<void> {
    await oneByOne(
      groupIds,
      async (groupId) => {
        await this.#groups.delete(groupId);
        return [{ groupId }];
      },
      (groupId) => ({ groupId }),
    );
  }

  /** Returns the committed offsets of all topics, or of the named ones. */
  fetchOffsets(request: {
    readonly groupId: string;
    readonly topics?: readonly TopicSelection[];
  }): Promise<GroupOffsets[]> {
    return this.#groups.fetchOffsets(request);
  }

  /** Throws NON_EMPTY_GROUP if the group has members. With `dryRun` it only reports what it would set. */
  resetOffsets(request: ResetOffsets): Promise<OffsetReset[]> {
    return this.#groups.resetOffsets(request);
  }

  /** Works like resetOffsets, with an offset for each partition. An offset outside the log becomes its start or end. */
  setOffsets(request: SetOffsets): Promise<OffsetReset[]> {
    return this.#groups.setOffsets(request);
  }

  /** Throws GROUP_SUBSCRIBED_TO_TOPIC if a member subscribes to one of the topics. */
  deleteGroupOffsets(request: {
    readonly groupId: string;
    readonly topics: readonly TopicSelection[];
  }): Promise<DeletedOffsets[]> {
    return this.#groups.deleteOffsets(request);
  }

  // --- transactions

  /** Lists all transactional ids with their transactions, sorted by id. */
  listTransactions(): Promise<TransactionDescription[]> {
    return this.#transactions.list();
  }

  /** Describes one id after the other. Throws TRANSACTIONAL_ID_NOT_FOUND if one of them does not exist. */
  describeTransactions(transactionalIds: readonly string[]): Promise<TransactionDetails[]> {
    return this.#transactions.describe(transactionalIds);
  }

  /**
   * Aborts the open transaction of an id without its token, and fences its instance, even if that is alive. A transaction that
   * is decided is shown instead. Returns what is then. Throws TRANSACTIONAL_ID_NOT_FOUND.
   */
  abortTransaction(transactionalId: string): Promise<TransactionDetails> {
    return this.#transactions.abort(transactionalId);
  }

  // --- subscriptions

  /** Lists all subscriptions, or those of a topic, sorted by topic and group. */
  listSubscriptions({ topic }: { readonly topic?: string } = {}): Promise<SubscriptionSummary[]> {
    return this.#subscriptions.list(topic);
  }

  /** Shows state, settings, and for each partition its lag and what fails. Throws SUBSCRIPTION_NOT_FOUND. */
  describeSubscription(ref: SubscriptionRef): Promise<SubscriptionDescription> {
    return this.#subscriptions.describe(ref);
  }

  /**
   * Delivers the records of a topic to a function or a webhook, as the consumer group `groupId`. The reply has the secret that
   * signs the events of a webhook. Throws NON_EMPTY_GROUP while the group has members, and SUBSCRIPTION_ALREADY_EXISTS if it
   * has a subscription with other settings.
   *
   *     const target = { url: 'https://example.com/orders' };
   *     await admin.createSubscription({ topic: 'orders', groupId: 'billing', target, startingPosition: 'TRIM_HORIZON' });
   */
  createSubscription(request: CreateSubscription): Promise<CreatedSubscription> {
    return this.#subscriptions.create(request);
  }

  /** Changes settings. Those that are left out stay, and null takes an optional setting away. */
  updateSubscription(request: UpdateSubscription): Promise<CreatedSubscription> {
    return this.#subscriptions.update(request);
  }

  /** Ends the deliveries. The offsets of the group stay, and members may go on from them. */
  deleteSubscription(ref: SubscriptionRef): Promise<void> {
    return this.#subscriptions.delete(ref);
  }

  /** No delivery begins after this. One that is under way ends. `reason` is for the people who find it paused. */
  pauseSubscription({
    reason,
    ...ref
  }: SubscriptionRef & { readonly reason?: string }): Promise<SubscriptionDescription> {
    return this.#subscriptions.pause(ref, reason);
  }

  resumeSubscription(ref: SubscriptionRef): Promise<SubscriptionDescription> {
    return this.#subscriptions.resume(ref);
  }

  /** Ends the pause after a failure: failing batches are tried immediately. */
  retrySubscriptionNow(ref: SubscriptionRef): Promise<SubscriptionDescription> {
    return this.#subscriptions.retryNow(ref);
  }

  /**
   * Delivers the dead letters of the subscription once more, in their order. It stops at the first that fails, and names it.
   * Errors: POLICY_VIOLATION if the subscription was paused meanwhile, SUBSCRIPTION_NOT_FOUND if it was deleted,
   * REQUEST_TIMED_OUT if the service makes no progress.
   */
  retryDeadLetters(ref: SubscriptionRef): Promise<RetryReply> {
    return this.#subscriptions.retryDeadLetters(ref);
  }

  /**
   * Makes another secret for a webhook. The one before signs too, until `previousUntil`. It is sent once: after a lost reply, rotate
   * again; the secret that is in use signs for its day all the same.
   */
  rotateSubscriptionSecret(ref: SubscriptionRef): Promise<RotatedSecret> {
    return this.#subscriptions.rotateSecret(ref);
  }

  /** Sends one event with one sample record to the target, and commits nothing. It is sent once, whatever happens. */
  testSubscription(ref: SubscriptionRef): Promise<TestDelivery> {
    return this.#subscriptions.testInvoke(ref);
  }
}
