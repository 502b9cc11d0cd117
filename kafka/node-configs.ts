// The configurations of a node. Tools read them to find out where a node listens, what it does by default and what it takes. All
// follow from the options of the process and from our bounds, and nobody can change them over the protocol.

import { limits } from '../lib/api/limits.ts';
import type { ConfigEntry } from '../lib/api/topics.ts';
import { type ConfigName, configValue } from '../lib/topic/config.ts';
import type { Gateway } from './api.ts';
import { logDirectory } from './cluster.ts';
import { limits as listenerLimits } from './limits.ts';

/** The defaults of topics, under the names that a node has for them. */
const topicDefaults: Readonly<Record<string, ConfigName>> = {
  'compression.type': 'compression.type',
  'log.cleaner.delete.retention.ms': 'delete.retention.ms',
  'log.cleaner.min.cleanable.ratio': 'min.cleanable.dirty.ratio',
  'log.cleaner.max.compaction.lag.ms': 'max.compaction.lag.ms',
  'log.cleaner.min.compaction.lag.ms': 'min.compaction.lag.ms',
  'log.cleanup.policy': 'cleanup.policy',
  'log.message.timestamp.after.max.ms': 'message.timestamp.after.max.ms',
  'log.message.timestamp.before.max.ms': 'message.timestamp.before.max.ms',
  'log.message.timestamp.type': 'message.timestamp.type',
  'log.retention.bytes': 'retention.bytes',
  'log.retention.ms': 'retention.ms',
  'log.roll.ms': 'segment.ms',
  'log.segment.bytes': 'segment.bytes',
  'message.max.bytes': 'max.message.bytes',
  'min.insync.replicas': 'min.insync.replicas',
  'unclean.leader.election.enable': 'unclean.leader.election.enable',
};

const bounds = {
  'connections.max.idle.ms': listenerLimits.idleMs,
  'fetch.max.bytes': limits.topicsFetchBytes,
  'group.max.session.timeout.ms': limits.maxSessionTimeoutMs,
  'group.max.size': limits.classicGroupMembers,
  'group.min.session.timeout.ms': limits.minSessionTimeoutMs,
  'max.connections': listenerLimits.connections,
  'offset.metadata.max.bytes': limits.offsetMetadataBytes,
  'socket.request.max.bytes': listenerLimits.frameBytes,
  'transaction.max.timeout.ms': limits.maxTransactionTimeoutMs,
};

/** In the order of their names, as Apache Kafka lists them. */
export function nodeConfigs({ cluster, autoCreateTopics, numPartitions }: Gateway, nodeId: number): ConfigEntry[] {
  const { nodes, listeners, securityProtocol } = cluster;
  const place = nodes.findIndex((node) => node.nodeId === nodeId);
  const urlOf = ({ host, port }: { host: string; port: number }) => `${securityProtocol}://${host}:${port}`;
  const entries = [
    ...[ours('advertised.listeners', urlOf(nodes[place]!)), ours('listeners', urlOf(listeners[place]!))],
    ...[ours('broker.id', nodeId), ours('node.id', nodeId)],
    { name: 'auto.create.topics.enable', value: String(autoCreateTopics), isDefault: autoCreateTopics },
    { name: 'num.partitions', value: String(numPartitions), isDefault: numPartitions === 1 },
    ...[usual('default.replication.factor', 1), usual('delete.topic.enable', true), usual('log.dirs', logDirectory)],
    ...Object.entries(topicDefaults).map(([name, topicName]) => usual(name, configValue({}, topicName))),
    ...Object.entries(bounds).map(([name, bound]) => usual(name, bound)),
  ];
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const ours = (name: string, value: string | number): ConfigEntry => ({ name, value: String(value), isDefault: false });

const usual = (name: string, value: string | number | boolean): ConfigEntry => ({
  ...{ name, value: String(value), isDefault: true },
});
