// The assignors: who is to read what. Pure and deterministic: the same members, topics and current target give the same
// target whoever computes it, in whatever order they are handed over. Safety does not rest on this: a target is a plan.
// Invariant: each partition of a subscribed topic has exactly one member, who subscribes to it.
import type { Assignor, TopicPartitions } from '../../api/groups.ts';
import { uniform } from './assign-uniform.ts';

/** `key` names the member in the target: a static member by its instance id, so that its successor inherits. */
export type Subscriber = { readonly key: string; readonly instanceId?: string; readonly topicIds: readonly string[] };
export type AssignableTopic = { readonly topic: string; readonly topicId: string; readonly partitions: number };
/** By the members' keys. */
export type Target = ReadonlyMap<string, readonly TopicPartitions[]>;

/** Members and topics by index: `subscribers[t]` are the members of topic t; its partitions are numbered from `bases[t]`. */
export type Problem = {
  readonly members: readonly Subscriber[];
  readonly topics: readonly AssignableTopic[];
  readonly subscribers: readonly (readonly number[])[];
  readonly bases: readonly number[];
  readonly total: number;
};

/** The member of each partition, by its number; -1 where there is none yet. */
export type Owners = Int32Array;

export function assign(
  assignor: Assignor,
  members: readonly Subscriber[],
  topics: readonly AssignableTopic[],
  current: Target,
): Target {
  const problem = problemOf(members, topics);
  const owners = assignor === 'range' ? range(problem) : uniform(problem, retained(problem, current));
  return targetOf(problem, owners);
}

function problemOf(unsorted: readonly Subscriber[], offered: readonly AssignableTopic[]): Problem {
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

/** Static members first, as Kafka's range assignor has it: their place must not depend on a member id of today. */
function byInstanceThenKey(a: Subscriber, b: Subscriber): number {
  if (a.instanceId !== undefined && b.instanceId !== undefined) return order(a.instanceId, b.instanceId);
  if ((a.instanceId === undefined) !== (b.instanceId === undefined)) return a.instanceId === undefined ? 1 : -1;
  return order(a.key, b.key);
}

/** What of the current target still holds: the topic is there, the member subscribes to it, nobody else has it. */
function retained(problem: Problem, current: Target): Owners {
  const owners = new Int32Array(problem.total).fill(-1);
  const topicIndex = new Map(problem.topics.map(({ topicId }, t) => [topicId, t]));
  for (const [member, { key, topicIds }] of problem.members.entries()) {
    const subscribed = new Set(topicIds);
    for (const { topicId, partitions } of current.get(key) ?? []) {
      const t = topicIndex.get(topicId);
      if (t === undefined || !subscribed.has(topicId)) continue;
      for (const partition of partitions) {
        const at = problem.bases[t]! + partition;
        if (partition < problem.topics[t]!.partitions && owners[at] === -1) owners[at] = member;
      }
    }
  }
  return owners;
}

/** Topic by topic in runs: topics of equal size and equal subscribers are shared out alike (co-partitioned). Not sticky. */
function range({ topics, subscribers, bases, total }: Problem): Owners {
  const owners = new Int32Array(total).fill(-1);
  for (const [t, { partitions }] of topics.entries()) {
    const members = subscribers[t]!;
    const quota = Math.floor(partitions / members.length);
    const extras = partitions % members.length;
    let next = bases[t]!;
    for (const [i, member] of members.entries()) {
      const end = next + quota + (i < extras ? 1 : 0);
      owners.fill(member, next, end);
      next = end;
    }
  }
  return owners;
}

function targetOf({ members, topics, bases }: Problem, owners: Owners): Target {
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
