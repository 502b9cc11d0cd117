// States the assignors' problem with numbers for members and topics, and turns a solution into a target. Both are
// sorted here, so that the result does not depend on the order in which members and topics come in.
import type { TopicPartitions } from '../../api/groups.ts';
import type { Target } from '../items/target.ts';

/** `key` names the member in the target. A static member has its instance id there, so that its successor inherits. */
export type Subscriber = { readonly key: string; readonly instanceId?: string; readonly topicIds: readonly string[] };
export type AssignableTopic = { readonly topic: string; readonly topicId: string; readonly partitions: number };

/**
 * Members and topics are indices. `subscribers[t]` are the members of topic t; its partitions are numbered from
 * `bases[t]`.
 */
export type Problem = {
  readonly members: readonly Subscriber[];
  readonly topics: readonly AssignableTopic[];
  readonly subscribers: readonly (readonly number[])[];
  readonly bases: readonly number[];
  readonly total: number;
};

/** The number of each partition's member; -1 where there is none yet. */
export type Owners = Int32Array;

export function problemOf(unsorted: readonly Subscriber[], offered: readonly AssignableTopic[]): Problem {
  const members = [...unsorted].sort(byInstanceThenKey);
  const byTopic = new Map<string, number[]>();
  for (const [member, { topicIds }] of members.entries()) {
    for (const id of new Set(topicIds)) {
      const subscribers = byTopic.get(id);
      if (subscribers) subscribers.push(member);
      else byTopic.set(id, [member]);
    }
  }
  const topics = offered.filter(({ topicId }) => byTopic.has(topicId)).sort((a, b) => order(a.topic, b.topic));
  const bases: number[] = [];
  let total = 0;
  for (const { partitions } of topics) {
    bases.push(total);
    total += partitions;
  }
  return { members, topics, subscribers: topics.map(({ topicId }) => byTopic.get(topicId)!), bases, total };
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Static members come first, as in Kafka's range assignor: their place must not depend on a member id, which each
 * restart changes.
 */
function byInstanceThenKey(a: Subscriber, b: Subscriber): number {
  if (a.instanceId !== undefined && b.instanceId !== undefined) return order(a.instanceId, b.instanceId);
  if ((a.instanceId === undefined) !== (b.instanceId === undefined)) return a.instanceId === undefined ? 1 : -1;
  return order(a.key, b.key);
}

export function targetOf({ members, topics, bases }: Problem, owners: Owners): Target {
  const target = members.map((): TopicPartitions[] => []);
  for (const [t, { topic, topicId, partitions }] of topics.entries()) {
    const lists = new Map<number, number[]>();
    for (let partition = 0; partition < partitions; partition++) {
      const member = owners[bases[t]! + partition]!;
      const list = lists.get(member);
      if (list) list.push(partition);
      else lists.set(member, [partition]);
    }
    for (const [member, list] of lists) target[member]?.push({ topic, topicId, partitions: list });
  }
  return new Map(members.map(({ key }, member) => [key, target[member]!]));
}
