// The custom metrics, as CloudWatch knows them: the functions emit them, the alarms and the dashboard read them. Each costs
// about $0.30 in a month in which it is emitted, so there are few, and a function emits only what it has counted.

export const metricNamespace = 'Rivulet';
/** The name of the deployment. Powertools fixes how it is spelled. */
export const metricDimension = 'service';
/** Beside it with METRICS_PER_TOPIC. */
export const topicDimension = 'topic';

/** Beside it with METRICS_PER_TOPIC, where groups are measured. */
export const groupDimension = 'group';

/** Sums, per request. Records, bytes and appends are those that were written. */
export const requestMetrics = {
  records: 'Records',
  bytes: 'Bytes',
  appends: 'Appends',
  conflicts: 'Conflicts',
  retries: 'Retries',
  readUnits: 'ReadUnits',
  writeUnits: 'WriteUnits',
  s3Puts: 'S3Puts',
  s3Gets: 'S3Gets',
  costUsd: 'CostUsd',
} as const;

/** Found by one audit, so that sums over several say nothing; nothing is emitted where nothing is wrong. */
export const maintenanceMetrics = {
  orphanObjects: 'OrphanObjects',
  orphanBytes: 'OrphanBytes',
  missingObjects: 'MissingObjects',
} as const;

/** Told once an hour of the groups that are behind: the greatest over all groups; lost records are their sum. */
export const lagMetrics = {
  lag: 'GroupLag',
  /** Milliseconds: the age of the oldest record that was not read. */
  timeLag: 'GroupTimeLag',
  lostRecords: 'LostRecords',
} as const;
