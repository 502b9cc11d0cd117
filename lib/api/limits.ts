// Every bound has its reason here. Values that come from outside are held against these bounds before anything is
// allocated or written.

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Lambda takes 6 MB in and out, as base64, and 4 MiB of binary is 5.6 MB of text. */
  binaryBodyBytes: 4 * MiB,
  /** JSON escapes and base64 values can triple a body on its way out. */
  jsonBodyBytes: 2 * MiB,
  /** The bodies of the requests that one local server has under way. Sixty-four of the longest fit, and the process stays small. */
  heldBodyBytes: 256 * MiB,
  /** API Gateway's limit for the request line and headers together. */
  headBytes: 10_240,
  /** A body of {"a":{"a":... costs stack, not bytes. */
  jsonDepth: 32,
  /**
   * Different names of members. Each may cost ten microseconds, because V8 keeps a shape for each set of names. Ten thousand
   * records with the same few names cost little.
   */
  jsonNames: 20_000,
  /** Numbers of more than 15 digits, or with an exponent: to keep the digits of one costs a microsecond. */
  jsonLongNumbers: 50_000,
  /** One batch must always fit a reply, with its frame. Kafka's default is 1,048,588. */
  maxMessageBytes: 4 * MiB - 64 * KiB,
  defaultMaxMessageBytes: 1_048_588,
  /** An item of so many bytes costs 64 write units, and one partition of the table takes 1,000 units a second. */
  inlineBytes: 64 * KiB,
  /** A batch may grow to this size when it is unpacked: this bounds a decompression bomb. */
  uncompressedBatchBytes: 64 * MiB,
  /**
   * One request may unpack this many bytes of batches, for JSON, for a search by time, or to pack them into a topic's own
   * compression: a megabyte may unpack to gigabytes. One batch always fits.
   */
  unpackedBytes: 64 * MiB,
  /**
   * So many requests of one process wait to unpack a batch of more than 1 MiB. Each takes up to half a second, so that the last
   * one is served before API Gateway would cut it.
   */
  waitingUnpacks: 32,
  /** Kafka's limit for a topic name, so that a name with a suffix still fits a file name. */
  nameLength: 249,
  /** A partition is an item; ten thousand are possible, each with its cost. */
  partitions: 10_000,
  /** There are fewer names than that: more are refused before each is looked at. */
  topicConfigs: 100,
  /** A topic is one item of the table; the longest value that means something is a list of throttled replicas. */
  configValueLength: 4_096,
  /** One append writes one head per partition. */
  appendPartitions: 256,
  /** One request that deletes records writes one head per partition. */
  deleteRecordsPartitions: 256,
  /** One long poll reads one head per partition. */
  fetchPartitions: 256,
  /** 256 partitions with all that may be said of them take 20 KB. A long poll holds its body. */
  fetchBodyBytes: 64 * KiB,
  /** API Gateway cuts a request at 30 s. */
  waitMs: 20_000,
  /** One local server holds so many. Each holds a socket; a further fetch that would wait is refused and may come back. */
  waitingFetches: 1_000,
  /** All waiting fetches together may name so many. Each takes some 300 bytes while it waits, and a read when it ends. */
  waitingPartitions: 100_000,
  fetchBytes: 4 * MiB,
  /** One fetch over several topics, which only callers in the same process make. */
  topicsFetchBytes: 16 * MiB,
  topicsFetchPartitions: 4_096,
  defaultFetchBytes: MiB,
  /** The number of records in one JSON request. */
  jsonRecords: 10_000,
  recordHeaders: 1_000,
  /** So many bad records of a partition are named. A small batch may hold millions. */
  namedRecords: 1_000,
  idempotencyKeyLength: 255,
  /** A member is an item of 305 bytes, and the process that computes an assignment reads all of them. */
  groupMembers: 2_000,
  /** In the classic protocol each member waits for all others, and the leader gets what each of them says. */
  classicGroupMembers: 500,
  /** The protocols of a member stand in its item. */
  protocolsBytes: 160 * KiB,
  protocols: 50,
  /** The process that computes an assignment goes through all of them. */
  groupPartitions: 50_000,
  /**
   * The target of an assignment is one item, at most 400 KB. With 50,000 partitions of fifty topics on 2,000 members it
   * takes 114 KB.
   */
  targetBytes: 396 * KiB,
  /**
   * The partitions that a member owns stand in its item. As many again that it has to let go of, and the subscription,
   * must fit beside them.
   */
  memberTargetBytes: 160 * KiB,
  /** A UUID with its hyphens has 36. */
  memberIdLength: 64,
  /** These texts stand in the member item, which is written every third of a session. */
  memberTextLength: 249,
  /** The topics stand in the member item. */
  subscribedTopics: 1_000,
  /** The names stand in the member item twice, as subscribed and as owned, and an item has at most 400 KB. */
  subscriptionLength: 65_536,
  /** The expression is compiled for every assignment. */
  regexLength: 1_000,
  /**
   * Matching costs this many steps for each character of a name, at worst 30 ms for the longest name on the machine
   * where this was measured. Plain text of 1,000 characters has 1,002.
   */
  regexInstructions: 1_024,
  /** Kafka has the same value. Below it, a clock that is one second off expires members that are alive. */
  minSessionTimeoutMs: 6_000,
  /** Kafka has the same value. */
  maxSessionTimeoutMs: 1_800_000,
  /** Kafka has the same value. */
  defaultSessionTimeoutMs: 45_000,
  /** Each heartbeat is a request that is billed. */
  minHeartbeatIntervalMs: 500,
  /** Kafka has the same value. */
  defaultHeartbeatIntervalMs: 5_000,
  /** This is the longest session: a partition does not wait longer for the member that holds it. */
  maxRebalanceTimeoutMs: 1_800_000,
  /** Kafka's max.poll.interval.ms has the same value. */
  defaultRebalanceTimeoutMs: 300_000,
  /** A transaction of the table has at most 100 items, and 16 partitions share one. */
  commitPartitions: 1_600,
  /** Kafka has the same value. */
  offsetMetadataBytes: 4_096,
  /** An abandoned transaction holds its staged records for so long. Kafka's default for a producer is the same. */
  defaultTransactionTimeoutMs: 60_000,
  /** Kafka's transaction.max.timeout.ms has the same value. */
  maxTransactionTimeoutMs: 900_000,
  /** A decided transaction writes one head for each partition, one after the other if need be. */
  transactionPartitions: 1_000,
  /** Each batch of a transaction is named in its item or in one of its pages until it ends. */
  transactionRuns: 10_000,
  /** So much is staged by 10,000 batches of 1.6 MB. */
  transactionBytes: 16 * 1024 * MiB,
  /**
   * A transaction of the table has at most 100 actions, and the item of the transactional id is one of them. A group without
   * membership takes one more, for its head.
   */
  transactionOffsetsItems: 99,
  /** The offsets stand in the item of the transactional id until the end, beside its batches, and an item has at most 400 KB. */
  transactionOffsetsBytes: 128 * KiB,
  /** One transaction may name thousands of groups, and Lambda answers with at most 6 MB. */
  transactionListBytes: 4 * MiB,
  /** The state of a transactional id has a byte for the number of the topic. */
  transactionTopics: 256,
  /**
   * The minutes for which an empty group keeps an offset. A copy of a write that is on its way for longer than the
   * least could bring an offset back.
   */
  minOffsetsRetentionMinutes: 2_880,
  maxOffsetsRetentionMinutes: 5_256_000,
  /** Kafka's offsets.retention.minutes has the same value. */
  defaultOffsetsRetentionMinutes: 10_080,
  /** Lambda takes 6 MB for an event. */
  pushEventBytes: 6_000_000,
  /** Lambda's event source mappings have these bounds, down to maximumRecordAgeSeconds. */
  pushBatchSize: 10_000,
  maxBatchingWindowSeconds: 300,
  maxRetryAttempts: 10_000,
  minRecordAgeSeconds: 60,
  maxRecordAgeSeconds: 604_800,
  /** A subscription has no more partitions at work at the same time than a Lambda account has concurrent executions. */
  maxPushConcurrency: 1_000,
  /** Lambda has the same bounds for the filters of an event source. */
  pushFilters: 5,
  pushFilterLength: 4_096,
  /** An array in a record may have a million elements, and each is held against the rules of its place. */
  pushFilterRules: 50,
  /** Lambda takes 6 MB for an answer. */
  pushAnswerBytes: 6_000_000,
  /** A webhook answers with the numbers of failed records, and with nothing else. */
  webhookReplyBytes: 64 * KiB,
  /** A webhook that has not answered by then has failed, whether it did the work or not. */
  webhookMs: 30_000,
  /** A webhook may ask for a longer pause, and is asked again after this one. */
  maxRetryAfterMs: 3_600_000,
  webhookUrlLength: 2_048,
  /** A run of the dispatcher may take 15 minutes. It begins no delivery that it could not wait for. */
  pushTargetTimeoutSeconds: 600,
  /** This is 2^53 - 1, because JSON numbers above it lose digits. */
  maxOffset: Number.MAX_SAFE_INTEGER,
} as const;

/**
 * Names that no topic, group or transactional id may have. Kafka keeps its own state in topics of the first three, and its
 * clients expect no other records there. JavaScript loses the last one where it is the key of an object.
 */
export const reservedNames: readonly string[] = [
  '__consumer_offsets',
  '__share_group_state',
  '__transaction_state',
  '__proto__',
];
