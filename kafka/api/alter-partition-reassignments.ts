// AlterPartitionReassignments (45). Moves no partition: every node has all of them.
//
// Version 0. To move a partition to a node of ours succeeds, and any other target is refused. There is never a move to
// cancel.
import { defineApi } from '../api.ts';
import { type Cluster, isReplicaList, listOfNodes } from '../cluster.ts';
import { code } from '../errors.ts';
import { partitionCounts } from '../partition-counts.ts';

type Request = { readonly topics: readonly TopicRequest[] };

type TopicRequest = { readonly name: string; readonly partitions: readonly PartitionRequest[] };
type PartitionRequest = { readonly partitionIndex: number; readonly replicas: readonly number[] | null };

type Reply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly responses: readonly { readonly name: string; readonly partitions: readonly PartitionReply[] }[];
};

type PartitionReply = {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
};

export const alterPartitionReassignments = defineApi<Request, Reply>({
  key: 45,
  versions: [0, 0],
  overlaps: true,
  async answer(gateway, { topics }) {
    const partitionsOf = partitionCounts(gateway);
    const responses = [];
    for (const { name, partitions } of topics) {
      const count = await partitionsOf(name);
      responses.push({ name, partitions: partitions.map((one) => move(one, count, gateway.cluster)) });
    }
    return { errorCode: code.none, errorMessage: null, responses };
  },
});

function move({ partitionIndex, replicas }: PartitionRequest, count: number, cluster: Cluster): PartitionReply {
  if (partitionIndex < 0 || partitionIndex >= count)
    return {
      ...{ partitionIndex, errorCode: code.unknownTopicOrPartition },
      errorMessage: 'there is no such topic or partition',
    };
  if (replicas === null)
    return {
      ...{ partitionIndex, errorCode: code.noReassignmentInProgress },
      errorMessage: 'there is no reassignment to cancel',
    };
  if (isReplicaList(cluster, replicas)) return { partitionIndex, errorCode: code.none, errorMessage: null };
  return {
    ...{ partitionIndex, errorCode: code.invalidReplicaAssignment },
    errorMessage: `replicas: expected one of the nodes ${listOfNodes(cluster)} alone, got ${replicas.slice(0, 10).join(', ') || 'none'}`,
  };
}
