// The engine as its callers see it: the HTTP operations, and the gateways beside them. All errors are RivuletErrors.
import type { ClassicGroups } from './classic-groups.ts';
import type { Groups } from './groups.ts';
import type { Maintenance } from './maintenance.ts';
import type { Dispatcher, Subscriptions } from './push.ts';
import type {
  AppendRecordsReply,
  AppendRecordsRequest,
  AppendReply,
  AppendRequest,
  DeleteRecordsReply,
  DeleteRecordsRequest,
  FetchReply,
  FetchRequest,
  OffsetQuery,
  PartitionError,
  PartitionOffset,
  PartitionRecords,
  ProducersOfPartition,
  TopicsFetchRequest,
} from './records.ts';
import type { Segments } from './segments.ts';
import type {
  CreateTopicRequest,
  PartitionDescription,
  PartitionEnds,
  TopicChange,
  TopicDescription,
  TopicRef,
  TopicSummary,
} from './topics.ts';
import type { ProducerTransactions, Transactions } from './transactions.ts';

/** The operations on topics and their records. */
export type LogEngine = {
  append(request: AppendRequest): Promise<AppendReply>;
  appendRecords(request: AppendRecordsRequest): Promise<AppendRecordsReply>;
  fetch(request: FetchRequest): Promise<FetchReply>;
  /** Returns one offset per partition that is asked for, or those of all partitions of the topic if none is named. */
  offsets(
    request: TopicRef & {
      readonly at: OffsetQuery;
      readonly partitions?: readonly number[];
      /** Ends a search early, where it stands: the caller has gone. */
      readonly signal?: AbortSignal;
    },
  ): Promise<{ topicId: string; partitions: readonly PartitionOffset[] }>;
  /** Returns a new idempotent producer. */
  newProducer(): Promise<{ readonly producerId: number; readonly epoch: number }>;
  createTopic(request: CreateTopicRequest): Promise<TopicDescription>;
  /** The topics are sorted by name; `after` is the last name of the page before. */
  listTopics(request: {
    readonly limit?: number;
    readonly after?: string;
  }): Promise<{ topics: readonly TopicSummary[]; more: boolean }>;
  describeTopic(topic: string): Promise<TopicDescription>;
  /** Returns at most 256 partitions from `from` on. `storage` reads all log items of each, and so costs more. */
  describePartitions(
    request: TopicRef & { readonly from?: number; readonly limit?: number; readonly storage?: boolean },
  ): Promise<{ partitions: readonly PartitionDescription[]; more: boolean }>;
  /** Throws POLICY_VIOLATION if the topic's cleanup.policy has no `delete`. */
  deleteRecords(request: DeleteRecordsRequest): Promise<DeleteRecordsReply>;
  alterTopic(request: TopicChange): Promise<TopicDescription>;
  /** With `topicId` another topic that has the name by now is refused with INCONSISTENT_TOPIC_ID. */
  deleteTopic(topic: string, topicId?: string): Promise<void>;
};

export type Engine = LogEngine & {
  /** Fetches from several topics. There is one result per partition that is asked for, in the order of the request. */
  fetchTopics(request: TopicsFetchRequest): Promise<readonly (readonly (PartitionRecords | PartitionError)[])[]>;
  /** Returns the ends of the first `limit` partitions, at most a moment old, for half a read unit each. */
  partitionEnds(topic: string, limit: number): Promise<readonly PartitionEnds[]>;
  /** There is one result per partition, in the order of the request. It costs 1 read unit each. */
  describeProducers(
    request: TopicRef & { readonly partitions: readonly number[] },
  ): Promise<readonly (ProducersOfPartition | PartitionError)[]>;
  readonly groups: Groups;
  readonly classicGroups: ClassicGroups;
  readonly transactions: Transactions;
  readonly producerTransactions: ProducerTransactions;
  readonly maintenance: Maintenance;
  readonly segments: Segments;
  readonly subscriptions: Subscriptions;
  readonly dispatcher: Dispatcher;
};
