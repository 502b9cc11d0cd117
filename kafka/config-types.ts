// The types of configurations, by the numbers that DescribeConfigs gives them. Some clients check a value by its type.

const names = {
  /** Boolean. */
  1: [
    'auto.create.topics.enable',
    'delete.topic.enable',
    'preallocate',
    'remote.log.copy.disable',
    'remote.log.delete.on.disable',
    'remote.storage.enable',
    'unclean.leader.election.enable',
  ],
  /** String. */
  2: ['compression.type', 'log.dirs', 'log.message.timestamp.type', 'message.timestamp.type'],
  /** Int. */
  3: [
    'broker.id',
    'compression.gzip.level',
    'compression.lz4.level',
    'compression.zstd.level',
    'default.replication.factor',
    'fetch.max.bytes',
    'group.max.session.timeout.ms',
    'group.max.size',
    'group.min.session.timeout.ms',
    'index.interval.bytes',
    'log.segment.bytes',
    'max.connections',
    'max.message.bytes',
    'message.max.bytes',
    'min.insync.replicas',
    'node.id',
    'num.partitions',
    'offset.metadata.max.bytes',
    'segment.bytes',
    'segment.index.bytes',
    'socket.request.max.bytes',
    'transaction.max.timeout.ms',
  ],
  /** Double. */
  6: ['log.cleaner.min.cleanable.ratio', 'min.cleanable.dirty.ratio'],
  /** List. */
  7: [
    'advertised.listeners',
    'cleanup.policy',
    'follower.replication.throttled.replicas',
    'leader.replication.throttled.replicas',
    'listeners',
    'log.cleanup.policy',
  ],
} as const;

const types = new Map(Object.entries(names).flatMap(([type, of]) => of.map((name) => [name as string, Number(type)])));
const long = 5;

/** Numbers of bytes and of milliseconds are the most, so the others have to be named. */
export const configTypeOf = (name: string): number => types.get(name) ?? long;
