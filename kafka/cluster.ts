// The cluster that clients see. It has one node, this process, which leads every partition: all state is in the engine's
// storage, and no process has a part of it.

export type Node = { readonly nodeId: number; readonly host: string; readonly port: number };

export type Cluster = {
  readonly clusterId: string;
  readonly node: Node;
};

export const nodeId = 1;
/** Leaders never change, so their epoch does not either. The batches of a fetch carry the same number. */
export const leaderEpoch = 0;

/** A client may ask for the leader of an epoch that it knows. Only one that it made up is greater than ours. */
export const isEpochUnknown = (epoch: number): boolean => epoch > leaderEpoch;
