// The assignors decide which member is to read which partition. They are pure and deterministic: the same members,
// topics and current target give the same target, whichever process computes it and in whatever order they are handed
// over. Safety does not depend on this, because a target is a plan.
// Invariant: each partition of a subscribed topic has exactly one member, and that member subscribes to the topic.
import type { Assignor } from '../../api/groups.ts';
import type { Target } from '../items/target.ts';
import { uniform } from './assign-uniform.ts';
import { type AssignableTopic, type Owners, type Problem, problemOf, type Subscriber, targetOf } from './problem.ts';

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

/**
 * Keeps the part of the current target that still holds: the topic exists, the member subscribes to it, and no other
 * member has the partition.
 */
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

/**
 * Shares out topic by topic in runs, so topics of equal size and equal subscribers are shared out alike
 * (co-partitioned). It is not sticky.
 */
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
