// ElectLeaders (43). Elects no leader: the node leads every partition, and stays it.
//
// Versions 0 to 2. Partitions that are named are answered with ELECTION_NOT_NEEDED. If all are asked for, those that need no
// election are left out, as in Apache Kafka.
import { defineApi } from '../api.ts';
import { code } from '../errors.ts';
import { partitionCounts } from '../partition-counts.ts';

type Request = {
  readonly topicPartitions: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null;
};

type Reply = { readonly errorCode: number; readonly replicaElectionResults: readonly TopicReply[] };

type TopicReply = {
  readonly topic: string;
  readonly partitionResult: readonly {
    readonly partitionId: number;
    readonly errorCode: number;
    readonly errorMessage: string;
  }[];
};

export const electLeaders = defineApi<Request, Reply>({
  key: 43,
  versions: [0, 2],
  overlaps: true,
  async answer(gateway, { topicPartitions }) {
    const partitionsOf = partitionCounts(gateway);
    const replicaElectionResults: TopicReply[] = [];
    for (const { topic, partitions } of topicPartitions ?? []) {
      const count = await partitionsOf(topic);
      const partitionResult = partitions.map((partitionId) => ({
        ...{ partitionId, ...(partitionId >= 0 && partitionId < count ? notNeeded : unknown) },
      }));
      replicaElectionResults.push({ topic, partitionResult });
    }
    return { errorCode: code.none, replicaElectionResults };
  },
});

const notNeeded = {
  errorCode: code.electionNotNeeded,
  errorMessage: 'Leader election not needed for topic partition.',
};
const unknown = { errorCode: code.unknownTopicOrPartition, errorMessage: 'there is no such topic or partition' };
