// The types of configurations, by the numbers that DescribeConfigs gives them. Some clients check a value by its type.

const names = {
  /** Boolean. */
  1: [
    'auto.create.topics.enable',
    'preallocate',
    'remote.log.copy.disable',
    'remote.log.delete.on.disable',
    'remote.storage.enable',
    'unclean.leader.election.enable',
  ],
  /** String. */
  2: ['compression.type', 'message.timestamp.type'],
  /** Int. */
  3: [
    'compression.gzip.level',
    'compression.lz4.level',
    'compression.zstd.level',
    'default.replication.factor',
    'index.interval.bytes',
    'max.message.bytes',
    'min.insync.replicas',
    'num.partitions',
    'segment.bytes',
    'segment.index.bytes',
  ],
  /** Double. */
  6: ['min.cleanable.dirty.ratio'],
  /** List. */
  7: ['cleanup.policy', 'follower.replication.throttled.replicas', 'leader.replication.throttled.replicas'],
} as const;

const types = new Map(Object.entries(names).flatMap(([type, of]) => of.map((name) => [name as string, Number(type)])));
const long = 5;

/** Numbers of bytes and of milliseconds are the most, so the others have to be named. */
export const configTypeOf = (name: string): number => types.get(name) ?? long;
