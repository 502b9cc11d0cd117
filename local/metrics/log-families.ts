// The metrics of topics and groups. Where they mean the same, they have the names of kafka_exporter, so that its dashboards
// and alerts work. Replicas and leaders are left out: there are none.
import type { Family, Sample } from './exposition.ts';
import type { GroupOffset, GroupProgress, LogState } from './log-state.ts';

export function logFamilies({ topics, groups, cut }: LogState): Family[] {
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    ...{ name, help, type: 'gauge', samples },
  });
  const ends = topics.flatMap(({ topic, ends }) => ends.map((end) => ({ topic, ...end })));
  const offsets = groups.flatMap(({ groupId, offsets }) => offsets.map((one) => ({ consumergroup: groupId, ...one })));
  const lags = offsets.filter(hasLag);
  const sums = groups.flatMap(sumsOf);
  return [
    gauge(
      'kafka_topic_partitions',
      'Number of partitions of the topic',
      topics.map(({ topic, partitions }) => [{ topic }, partitions]),
    ),
    gauge(
      'kafka_topic_partition_current_offset',
      'Next offset of the partition',
      ends.map(({ topic, partition, latest }) => [{ topic, partition }, latest]),
    ),
    gauge(
      'kafka_topic_partition_oldest_offset',
      'Earliest offset of the partition',
      ends.map(({ topic, partition, earliest }) => [{ topic, partition }, earliest]),
    ),
    gauge(
      'kafka_consumergroup_members',
      'Number of members of the group',
      groups.map(({ groupId, members }) => [{ consumergroup: groupId }, members]),
    ),
    gauge(
      'kafka_consumergroup_current_offset',
      'Committed offset of the group in the partition',
      offsets.map(({ consumergroup, topic, partition, offset }) => [{ consumergroup, topic, partition }, offset]),
    ),
    gauge(
      'kafka_consumergroup_current_offset_sum',
      'Sum of the committed offsets of the group in the topic',
      sums.map(({ labels, offset }) => [labels, offset]),
    ),
    gauge(
      'kafka_consumergroup_lag',
      'Records of the partition that the group has not committed',
      lags.map(({ consumergroup, topic, partition, lag }) => [{ consumergroup, topic, partition }, lag]),
    ),
    gauge(
      'kafka_consumergroup_lag_sum',
      'Records of the topic that the group has not committed',
      sums.map(({ labels, lag }) => [labels, lag]),
    ),
    gauge(
      'rivulet_metrics_cut',
      '1 if there are more topics, partitions, groups or offsets than the metrics show',
      Object.entries(cut).map(([of, isCut]) => [{ of }, isCut ? 1 : 0]),
    ),
  ];
}

const hasLag = <T extends { readonly lag: number | undefined }>(one: T): one is T & { readonly lag: number } =>
  one.lag !== undefined;

const sumsOf = ({ groupId, offsets }: GroupProgress) =>
  [...Map.groupBy(offsets, ({ topic }) => topic)].map(([topic, ofTopic]: [string, GroupOffset[]]) => ({
    labels: { consumergroup: groupId, topic },
    offset: ofTopic.reduce((sum, { offset }) => sum + offset, 0),
    lag: ofTopic.reduce((sum, { lag = 0 }) => sum + lag, 0),
  }));
