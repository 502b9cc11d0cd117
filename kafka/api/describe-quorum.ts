// DescribeQuorum (55). Describes the metadata log of a cluster that has none: its one voter is the controller, and it is empty.
//
// Versions 0 to 2. The truth about topics is in the table, which has no log of changes, and leaders never change.
import { defineApi } from '../api.ts';
import { controllerOf, leaderEpoch } from '../cluster.ts';
import { code } from '../errors.ts';

type Request = { readonly topics: readonly TopicRequest[] };

type TopicRequest = {
  readonly topicName: string;
  readonly partitions: readonly { readonly partitionIndex: number }[];
};

type Reply = {
  readonly errorCode: number;
  readonly errorMessage: null;
  readonly topics: readonly { readonly topicName: string; readonly partitions: readonly PartitionReply[] }[];
  readonly nodes: readonly { readonly nodeId: number; readonly listeners: readonly Listener[] }[];
};

type PartitionReply = {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly errorMessage: null;
  readonly leaderId?: number;
  readonly leaderEpoch?: number;
  readonly highWatermark?: number;
  readonly currentVoters?: readonly { readonly replicaId: number; readonly logEndOffset: number }[];
  readonly observers?: readonly never[];
};

type Listener = { readonly name: string; readonly host: string; readonly port: number };

const metadataTopic = '__cluster_metadata';

export const describeQuorum = defineApi<Request, Reply>({
  key: 55,
  versions: [0, 2],
  overlaps: true,
  async answer({ cluster }, { topics }) {
    const succeeded = { errorCode: code.none, errorMessage: null };
    const unknown = { errorCode: code.unknownTopicOrPartition, errorMessage: null };
    const { nodeId, host, port } = controllerOf(cluster);
    const log = {
      ...{ leaderId: nodeId, leaderEpoch, highWatermark: 0, observers: [] },
      currentVoters: [{ replicaId: nodeId, logEndOffset: 0 }],
    };
    const describe = ({ topicName, partitions }: TopicRequest) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        ...(topicName === metadataTopic && partitionIndex === 0 ? { ...succeeded, ...log } : unknown),
      })),
    });
    const listeners = [{ name: cluster.securityProtocol, host, port }];
    return { ...succeeded, topics: topics.map(describe), nodes: [{ nodeId, listeners }] };
  },
});
