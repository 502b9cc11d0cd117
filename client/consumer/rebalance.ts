// This file applies a change of the assignment to the partitions that are read. Reading of new partitions begins at the
// committed offsets. Revoked partitions are released after their handlers have finished and their work is committed. Lost
// partitions are dropped immediately.

import type { MemberOwner } from '../group/group-member.ts';
import type { OwnedPartition } from '../group/membership.ts';
import { type AssignedPartition, assignPartition } from './assigned-partition.ts';
import type { GroupOptions, TopicPartition } from './consumer-options.ts';
import { type PartitionReader, partitionKey } from './partition-reader.ts';

export type RebalanceParts = {
  readonly reader: PartitionReader;
  readonly listener: GroupOptions;
  /** Commits what has been handled of them, if autoCommit is on. */
  readonly commit: (partitions: readonly AssignedPartition[]) => Promise<void>;
};

export function rebalancing({
  reader,
  listener,
  commit,
}: RebalanceParts): Pick<MemberOwner, 'assign' | 'revoke' | 'drop' | 'lost'> {
  function drop(partitions: readonly OwnedPartition[]): void {
    const left = new Map(reader.assigned);
    for (const one of found(reader, partitions)) left.delete(partitionKey(one));
    reader.set(left);
    reader.refresh();
  }

  return {
    drop,
    async assign(partitions) {
      const all = new Map(reader.assigned);
      const added = partitions.map((one) => ({ ...assignPartition(one, 'committed'), withheld: true }));
      for (const one of added) all.set(partitionKey(one), one);
      reader.set(all);
      try {
        await listener.onPartitionsAssigned?.(partitions.map(named));
      } finally {
        for (const one of added) one.withheld = false;
      }
      reader.refresh();
    },
    async revoke(partitions, signal) {
      const leaving = found(reader, partitions);
      // Batches that are out are finished, and no more are handed over.
      for (const one of leaving) {
        one.withheld = true;
        one.fetchGeneration++;
      }
      reader.refresh();
      await reader.idle(leaving, signal);
      if (!signal.aborted) await commit(leaving);
      try {
        if (!signal.aborted) await listener.onPartitionsRevoked?.(partitions.map(named));
      } finally {
        drop(partitions);
      }
    },
    async lost(partitions, reason) {
      await listener.onPartitionsLost?.(partitions.map(named), reason);
    },
  };
}

/** Finds partitions of the same topic, not only of the same topic name. */
function found(reader: PartitionReader, partitions: readonly OwnedPartition[]): AssignedPartition[] {
  return partitions.flatMap((one) => {
    const assigned = reader.assigned.get(partitionKey(one));
    return assigned?.topicId === one.topicId ? [assigned] : [];
  });
}

function named({ topic, partition }: OwnedPartition): TopicPartition {
  return { topic, partition };
}
