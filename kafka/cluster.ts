// The cluster that clients see. Its nodes are names for ports: every process that serves the cluster serves all of them, and
// all state is in the engine's storage. Several nodes make clients send more requests beside each other.
//
// Invariant: the node of a partition or a group depends on nothing but its name and the number of nodes, so that all
// processes name the same one.
import { murmur2 } from '../lib/bytes/murmur2.ts';

export type Node = { readonly nodeId: number; readonly host: string; readonly port: number };

export type Cluster = {
  readonly clusterId: string;
  /** At least one, numbered from 1 on. */
  readonly nodes: readonly Node[];
  /** Where each of them listens, as this process sees it. */
  readonly listeners: readonly { readonly host: string; readonly port: number }[];
  readonly securityProtocol: SecurityProtocol;
};

/** How clients connect: Kafka's names. */
export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

/** The one directory of logs stands for the storage. */
export const logDirectory = 'rivulet';

/** Leaders never change, so their epoch does not either. The batches of a fetch carry the same number. */
export const leaderEpoch = 0;

/** A client may ask for the leader of an epoch that it knows. Only one that it made up is greater than ours. */
export const isEpochUnknown = (epoch: number): boolean => epoch > leaderEpoch;

/** Some clients connect to the controller as to a node that they know. */
export const controllerOf = ({ nodes }: Cluster): Node => nodes[0]!;

/** Gives the partitions of a topic to the nodes in turn, from a node on that its id decides. */
function leadersOf({ nodes }: Cluster, topicId: string): (partition: number) => Node {
  const first = hashOf(topicId);
  return (partition) => nodes[(first + partition) % nodes.length]!;
}

/** Where a partition is, as the replies about topics say it. */
export type PartitionPlace = {
  readonly partitionIndex: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaNodes: readonly number[];
  readonly isrNodes: readonly number[];
};

export function placesOf(cluster: Cluster, topicId: string): (partition: number) => PartitionPlace {
  const leaderOf = leadersOf(cluster, topicId);
  return (partitionIndex) => {
    const { nodeId } = leaderOf(partitionIndex);
    return { partitionIndex, leaderId: nodeId, leaderEpoch, replicaNodes: [nodeId], isrNodes: [nodeId] };
  };
}

/** `key` is the id of a group or of a transactional producer. */
export const coordinatorOf = ({ nodes }: Cluster, key: string): Node => nodes[hashOf(key) % nodes.length]!;

export const isNode = ({ nodes }: Cluster, nodeId: number): boolean => nodes.some((node) => node.nodeId === nodeId);

/** An administrator may say where a partition is to be. Any of our nodes does, because it changes nothing. */
export const isReplicaList = (cluster: Cluster, nodeIds: readonly number[]): boolean =>
  nodeIds.length === 1 && isNode(cluster, nodeIds[0]!);

/** For messages about nodes. */
export const listOfNodes = ({ nodes }: Cluster): string => nodes.map(({ nodeId }) => nodeId).join(', ');

const hashOf = (text: string): number => murmur2(Buffer.from(text)) & 0x7fffffff;
