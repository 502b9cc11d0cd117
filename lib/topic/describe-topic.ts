// The description of a topic, with sentences that a person should read: about its cost, about records that are still kept,
// and about settings without meaning here.
import { limits } from '../api/limits.ts';
import type { TopicDescription, TopicSummary } from '../api/topics.ts';
import { readUnitsOfWait } from '../runtime/poll-schedule.ts';
import { type ConfigOverrides, describeConfig } from './config.ts';

type Described = TopicSummary & { readonly overrides: ConfigOverrides; readonly isRetentionConfirmed: boolean };

const costlyPartitions = 1_000;
const readUnitUsdPerMillion = 0.125;

export function describeTopic(topic: Described): TopicDescription {
  const { topic: name, topicId, partitions, createdMs } = topic;
  const config = describeConfig(topic.overrides);
  const meaningless = config
    .filter((entry) => !entry.isDefault && entry.note)
    .map((entry) => `${entry.name} changes nothing here: ${entry.note}`);
  return {
    topic: name,
    topicId,
    partitions,
    createdMs,
    config,
    warnings: [...partitionWarnings(partitions), ...retentionWarnings(topic), ...meaningless],
  };
}

function retentionWarnings({ topic, isRetentionConfirmed }: Described): string[] {
  if (isRetentionConfirmed) return [];
  return [
    `topic ${topic} was made before there was retention: its old records go seven days after maintenance first ran here, ` +
      'or earlier if you set one of its cleanup settings, such as retention.ms',
  ];
}

/** A waiting consumer reads each of its heads again and again. */
function partitionWarnings(partitions: number): string[] {
  if (partitions < costlyPartitions) return [];
  const pollsPerHour = 3_600_000 / limits.waitMs;
  const dollars = (partitions * pollsPerHour * readUnitsOfWait(limits.waitMs) * readUnitUsdPerMillion) / 1_000_000;
  return [
    `${partitions} partitions: a consumer that waits on all of them costs about $${dollars.toFixed(2)} an hour in reads`,
  ];
}
