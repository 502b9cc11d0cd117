// Every bound, each with its reason. What comes from outside is held against these before anything is allocated or written.

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Lambda takes 6 MB in and out, as base64: 4 MiB of binary is 5.6 MB of text. */
  binaryBodyBytes: 4 * MiB,
  /** JSON escapes and base64 values can triple a body on its way out. */
  jsonBodyBytes: 2 * MiB,
  /** API Gateway's limit for the request line and headers together. */
  headBytes: 10_240,
  /** A body of {"a":{"a":... costs stack, not bytes. */
  jsonDepth: 32,
  /** Of more than 15 digits, or with an exponent: to keep the digits of one costs a microsecond. */
  jsonLongNumbers: 50_000,
  /** One batch must always fit a reply, with its frame. Kafka's default is 1,048,588. */
  maxMessageBytes: 4 * MiB - 64 * KiB,
  defaultMaxMessageBytes: 1_048_588,
  /** What a batch may grow to when it is unpacked: bounds a decompression bomb. */
  uncompressedBatchBytes: 64 * MiB,
  /**
   * What one request has unpacked of batches, on its way to JSON or to a time, or into a topic's own compression: a megabyte can
   * be gigabytes. One batch always fits.
   */
  unpackedBytes: 64 * MiB,
  /** Kafka's limit for a topic name, so that a name with a suffix still fits a file name. */
  nameLength: 249,
  /** A partition is an item; ten thousand are possible, each with its cost. */
  partitions: 10_000,
  /** A topic is one item of the table; the longest value that means something is a list of throttled replicas. */
  configValueLength: 4_096,
  /** One append writes one head per partition. */
  appendPartitions: 256,
  /** One long poll reads one head per partition. */
  fetchPartitions: 256,
  /** 256 partitions with all that may be said of them take 20 KB. A long poll holds its body. */
  fetchBodyBytes: 64 * KiB,
  /** API Gateway cuts a request at 30 s. */
  waitMs: 20_000,
  /** Of one local server: each holds a socket; what more would wait is told to come back. */
  waitingFetches: 1_000,
  /** Of all of them together: each takes some 300 bytes while it waits, and a read and a line of a reply when it ends. */
  waitingPartitions: 100_000,
  fetchBytes: 4 * MiB,
  defaultFetchBytes: MiB,
  /** Records in one JSON request. */
  jsonRecords: 10_000,
  recordHeaders: 1_000,
  idempotencyKeyLength: 255,
  /** One member is an item of 305 bytes; who computes an assignment reads them all. */
  groupMembers: 2_000,
  /** Who computes an assignment goes through all of them. */
  groupPartitions: 50_000,
  /** The target of an assignment is one item, at most 400 KB. 50,000 partitions of fifty topics on 2,000 members take 114. */
  targetBytes: 396 * KiB,
  /** What a member owns stands in its item; as much again that it is to let go of, and the subscription, must fit beside it. */
  memberTargetBytes: 160 * KiB,
  /** A UUID with its hyphens has 36. */
  memberIdLength: 64,
  /** They stand in the member item, which is written every third of a session. */
  memberTextLength: 249,
  /** They stand in the member item. */
  subscribedTopics: 1_000,
  /** The names stand in the member item twice, as subscribed and as owned: at most 400 KB. */
  subscriptionLength: 65_536,
  /** It is compiled for every assignment. */
  regexLength: 1_000,
  /** Matching costs as many steps per character of a name, at worst 30 ms here for the longest. Plain text of 1,000 characters has 1,002. */
  regexInstructions: 1_024,
  /** Kafka's own; below it a clock that is one second off expires the living. */
  minSessionTimeoutMs: 6_000,
  /** Kafka's own. */
  maxSessionTimeoutMs: 1_800_000,
  /** Kafka's own. */
  defaultSessionTimeoutMs: 45_000,
  /** Each heartbeat is a request that is billed. */
  minHeartbeatIntervalMs: 500,
  /** Kafka's own. */
  defaultHeartbeatIntervalMs: 5_000,
  /** As the longest session: a partition waits no longer for who holds it. */
  maxRebalanceTimeoutMs: 1_800_000,
  /** Kafka's own max.poll.interval.ms. */
  defaultRebalanceTimeoutMs: 300_000,
  /** A transaction of the table has 100 items, and 16 partitions share one. */
  commitPartitions: 1_600,
  /** Kafka's own. */
  offsetMetadataBytes: 4_096,
  /** Of an empty group, minutes. A copy of a write that is longer on its way than the least could bring one back. */
  minOffsetsRetentionMinutes: 2_880,
  maxOffsetsRetentionMinutes: 5_256_000,
  /** Kafka's own offsets.retention.minutes. */
  defaultOffsetsRetentionMinutes: 10_080,
  /** 2^53 - 1: JSON numbers above it lose digits. */
  maxOffset: Number.MAX_SAFE_INTEGER,
} as const;
