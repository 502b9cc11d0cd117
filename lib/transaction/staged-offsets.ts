// Offsets of groups that a transaction commits. They are staged as text, and become writes at the commit, by the rules of
// any other commit: a member that has lost a partition by then cannot commit it.
import type { CommitOffsetsRequest, PartitionCommit } from '../api/groups.ts';
import type { TransactionItem } from './item.ts';

export const encodeOffsets = (request: CommitOffsetsRequest): string => JSON.stringify(request);

export const groupsOf = ({ offsets }: TransactionItem): string[] => [
  ...new Set(offsets.map((text) => (JSON.parse(text) as CommitOffsetsRequest).groupId)),
];

/**
 * Returns one commit for each group. The last offset counts, where a partition was staged several times: two writes of one
 * item cannot be in one transaction of the table.
 */
export function stagedCommits({ offsets }: TransactionItem): CommitOffsetsRequest[] {
  const commits = new Map<string, CommitOffsetsRequest>();
  for (const text of offsets) {
    const next = JSON.parse(text) as CommitOffsetsRequest;
    const before = commits.get(next.groupId);
    commits.set(next.groupId, before ? joined(before, next) : next);
  }
  return [...commits.values()];
}

function joined(before: CommitOffsetsRequest, next: CommitOffsetsRequest): CommitOffsetsRequest {
  const topics = new Map(before.topics.map((topic) => [topic.topic, topic]));
  for (const topic of next.topics) {
    const known = topics.get(topic.topic);
    topics.set(
      topic.topic,
      known ? { ...topic, partitions: lastOf([...known.partitions, ...topic.partitions]) } : topic,
    );
  }
  return { ...next, topics: [...topics.values()] };
}

const lastOf = (partitions: readonly PartitionCommit[]): PartitionCommit[] => [
  ...new Map(partitions.map((commit) => [commit.partition, commit])).values(),
];
