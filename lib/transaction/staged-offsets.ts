// Offsets of groups that a transaction commits. They are staged as text, and become writes at the commit, by the rules of
// any other commit: a member that has lost a partition by then cannot commit it.
import type { Generation } from '../api/classic-groups.ts';
import type { CommitOffsetsRequest, PartitionCommit } from '../api/groups.ts';
import { limits } from '../api/limits.ts';
import { invalid } from '../api/refusal.ts';
import { partitionsPerOffsetsItem } from '../storage/keys.ts';
import type { TransactionItem } from './item.ts';

type Topics = Pick<CommitOffsetsRequest, 'topics'>;
/** A member of a generation of Kafka's protocol. */
export type MemberOffsets = Generation & Topics;
/** A client of Kafka's protocol that does not say which member it is. */
export type AnyonesOffsets = Pick<CommitOffsetsRequest, 'groupId'> & Topics & { readonly byAnyone: true };
/** An older version of this code takes no part of the last two for its own: it aborts the transaction. */
export type StagedOffsets = CommitOffsetsRequest | MemberOffsets | AnyonesOffsets;

export const encodeOffsets = (staged: StagedOffsets): string => JSON.stringify(staged);
const decode = (text: string) => JSON.parse(text) as StagedOffsets;

/** Refuses offsets that could not be committed in one step, or would not fit the item. */
export function checkOffsetsRoom({ offsets }: TransactionItem, next: string): void {
  const all = [...offsets, next];
  const bytes = all.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > limits.transactionOffsetsBytes)
    throw invalid(
      `topics: expected at most ${limits.transactionOffsetsBytes} bytes of offsets in a transaction, got ${bytes}`,
    );
  const items = new Set(all.flatMap((text) => itemsOf(decode(text)))).size;
  if (items > limits.transactionOffsetsItems)
    throw invalid(
      `topics: expected offsets in at most ${limits.transactionOffsetsItems} items of ${partitionsPerOffsetsItem} partitions in a transaction, got ${items}`,
    );
}

/** The items of the table that the commit will write, by any name that tells two of them apart, and the check of a head. */
function itemsOf(staged: StagedOffsets): string[] {
  const { groupId, topics } = staged;
  const isNumbered = 'commitSeq' in staged && staged.commitSeq !== undefined;
  const head = isNumbered ? [] : [`${groupId}/h`];
  const items = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition }) => `${groupId}/${topic}/${Math.floor(partition / partitionsPerOffsetsItem)}`),
  );
  return [...head, ...items];
}

export const groupsOf = ({ offsets }: TransactionItem): string[] => [
  ...new Set(offsets.map((text) => decode(text).groupId)),
];

/**
 * Returns one commit for each group. If a partition was staged several times, the last offset counts: a transaction of the
 * table cannot write an item twice.
 */
export function stagedCommits({ offsets }: TransactionItem): StagedOffsets[] {
  const commits = new Map<string, StagedOffsets>();
  for (const text of offsets) {
    const next = decode(text);
    const before = commits.get(next.groupId);
    commits.set(next.groupId, before ? joined(before, next) : next);
  }
  return [...commits.values()];
}

function joined(before: StagedOffsets, next: StagedOffsets): StagedOffsets {
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
