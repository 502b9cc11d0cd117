// A sentence for each configuration that Rivulet acts on. The service itself says of the others why they change nothing.

export const meanings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'Which records may go: delete by age and size, compact all but the last one of each key, or both.',
  'compression.type': 'The codec that batches are stored in; producer leaves them as they came.',
  'delete.retention.ms': 'How long a tombstone stays after compaction has seen it, in milliseconds.',
  'max.compaction.lag.ms': 'A record is compacted after this time at the latest, in milliseconds.',
  'max.message.bytes': 'The largest batch that a producer may write, in bytes.',
  'message.timestamp.after.max.ms': 'How far in the future a timestamp may lie, in milliseconds.',
  'message.timestamp.before.max.ms': 'How far in the past a timestamp may lie, in milliseconds.',
  'message.timestamp.type': "CreateTime keeps the producer's time, LogAppendTime puts the time of the append.",
  'min.cleanable.dirty.ratio': 'Compaction begins when this part of the log has not been compacted, from 0 to 1.',
  'min.compaction.lag.ms': 'A record is not compacted before this time, in milliseconds.',
  'retention.bytes': 'The oldest records of a partition go when it has more bytes than this; -1 keeps them.',
  'retention.ms': 'Records go when they are older than this, in milliseconds; -1 keeps them.',
  'rivulet.inline.max.bytes': 'Appends up to this size go into the table: they are quicker, and need no S3 PUT.',
};
