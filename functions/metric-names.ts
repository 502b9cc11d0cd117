// The names of the custom metrics in CloudWatch. The functions emit the metrics, and the alarms and the dashboard read them.
// Each costs about $0.30 in a month in which it is emitted, so there are few, and a function emits no zeros.

export const metricNamespace = 'Rivulet';
/** The dimension that holds the name of the deployment. Powertools fixes its spelling. */
export const metricDimension = 'service';
/** An additional dimension, with METRICS_PER_TOPIC. */
export const topicDimension = 'topic';

/** An additional dimension of the group metrics, with METRICS_PER_TOPIC. */
export const groupDimension = 'group';

/** Sums of each request. Records, bytes and appends count what was written. */
export const requestMetrics = {
  records: 'Records',
  bytes: 'Bytes',
  appends: 'Appends',
  conflicts: 'Conflicts',
  retries: 'Retries',
  hedges: 'Hedges',
  readUnits: 'ReadUnits',
  writeUnits: 'WriteUnits',
  s3Puts: 'S3Puts',
  s3Gets: 'S3Gets',
  costUsd: 'CostUsd',
} as const;

/**
 * The findings of one audit or daily run, and what maintenance has reclaimed. A sum of findings over several runs means
 * nothing. A run without findings emits nothing.
 */
export const maintenanceMetrics = {
  orphanObjects: 'OrphanObjects',
  orphanBytes: 'OrphanBytes',
  missingObjects: 'MissingObjects',
  /** The age of the oldest page that a merge should have taken, in seconds. */
  unmergedAge: 'UnmergedAge',
  /** Partitions whose merge damage has stopped. */
  stoppedMerges: 'StoppedMerges',
  /** Bytes of records that retention and compaction have removed. */
  reclaimedBytes: 'ReclaimedBytes',
  sweptObjects: 'SweptObjects',
  sweptBytes: 'SweptBytes',
} as const;

/** Emitted once an hour if there are any. */
export const transactionMetrics = {
  /** Transactions that are decided and could not be applied. */
  stuck: 'StuckTransactions',
  /** Transactional ids that instances take from each other again and again. */
  fenced: 'FencedTransactionalIds',
} as const;

/** Emitted by a run of the dispatcher that had any, and by the hourly look. */
export const pushMetrics = {
  /** The age of the oldest record when its delivery began, in milliseconds. */
  lag: 'PushLag',
  /** Deliveries that failed. */
  failures: 'PushFailures',
  /** Records that were given up and sent to the dead letters of their subscription. */
  deadLetters: 'PushDeadLetters',
  /** Partitions that wait because their dead letters were refused. */
  blocked: 'PushBlocked',
  /** Records that retention removed before they were delivered. */
  lostRecords: 'PushLostRecords',
  /** Subscriptions that a person or a target has paused: once an hour. */
  paused: 'PushPaused',
} as const;

/**
 * Emitted once an hour if any group is behind: the greatest lag and time lag over all groups, the sum of lost records, and
 * the number of groups that are about to lose some.
 */
export const lagMetrics = {
  lag: 'GroupLag',
  /** The age of the oldest unread record, in milliseconds. */
  timeLag: 'GroupTimeLag',
  lostRecords: 'LostRecords',
  expiringGroups: 'ExpiringGroups',
} as const;
