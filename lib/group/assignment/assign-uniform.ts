// The uniform assignor balances first, and is sticky second. If all members subscribe to the same topics, it gives each
// its quota and moves no more partitions than that takes. If they do not, it fills up the least loaded members. Then it
// moves single partitions along the shortest chains of members until no chain would make the loads more equal. A
// semi-matching without such a chain is optimal (Harvey, Ladner, Lovasz, Tamir: Semi-matchings for bipartite graphs,
// 2006). Free partitions are handed out in runs, so that a member's offsets lie in few items.
import type { Owners, Problem } from './problem.ts';

/** `owners` holds the partitions that members keep. It is changed in place. */
export function uniform(problem: Problem, owners: Owners): Owners {
  if (problem.members.length === 0) return owners;
  const isHomogeneous = problem.subscribers.every((members) => members.length === problem.members.length);
  if (isHomogeneous) shareByQuota(problem, owners);
  else {
    fillUp(problem, owners);
    level(problem, owners);
  }
  return owners;
}

function loadsOf({ members }: Problem, owners: Owners): number[] {
  const loads = new Array<number>(members.length).fill(0);
  for (const member of owners) if (member >= 0) loads[member]!++;
  return loads;
}

function shareByQuota(problem: Problem, owners: Owners): void {
  const quotas = quotasOf(problem, loadsOf(problem, owners));
  const loads = new Array<number>(quotas.length).fill(0);
  for (const [at, member] of owners.entries()) {
    if (member < 0) continue;
    if (loads[member]! < quotas[member]!) loads[member]!++;
    else owners[at] = -1;
  }
  let member = 0;
  for (const [at, owner] of owners.entries()) {
    if (owner >= 0) continue;
    while (loads[member] === quotas[member]) member++;
    owners[at] = member;
    loads[member]!++;
  }
}

/**
 * Some members get one partition more than the others: first those that have more already, so that they keep it, then
 * the last members, as in Kafka.
 */
function quotasOf({ members, total }: Problem, loads: readonly number[]): number[] {
  const quota = Math.floor(total / members.length);
  let extras = total % members.length;
  const quotas = new Array<number>(members.length).fill(quota);
  const giveExtras = (deserves: (member: number) => boolean, from: readonly number[]) => {
    for (const member of from) {
      if (extras === 0) return;
      if (quotas[member] !== quota || !deserves(member)) continue;
      quotas[member]!++;
      extras--;
    }
  };
  const indices = [...members.keys()];
  giveExtras((member) => loads[member]! > quota, indices);
  giveExtras(() => true, indices.reverse());
  return quotas;
}

/** Topics with few subscribers come first, because they have the least choice. */
function fillUp({ topics, subscribers, bases, ...problem }: Problem, owners: Owners): void {
  const loads = loadsOf({ topics, subscribers, bases, ...problem }, owners);
  const order = [...topics.keys()].sort((a, b) => subscribers[a]!.length - subscribers[b]!.length);
  for (const t of order) {
    const from = bases[t]!;
    const free = [...owners.subarray(from, from + topics[t]!.partitions).entries()]
      .filter(([, member]) => member < 0)
      .map(([partition]) => from + partition);
    let next = 0;
    for (const { member, share } of leastLoadedShares(subscribers[t]!, loads, free.length)) {
      for (const at of free.slice(next, next + share)) owners[at] = member;
      loads[member]! += share;
      next += share;
    }
  }
}

/**
 * Returns how many partitions each member gets, so that the loads of the members that get any differ by at most one.
 */
function leastLoadedShares(members: readonly number[], loads: readonly number[], count: number) {
  const sorted = [...members].sort((a, b) => loads[a]! - loads[b]! || a - b);
  let takers = 0;
  let below = 0;
  while (takers < sorted.length && takers * loads[sorted[takers]!]! - below < count) below += loads[sorted[takers++]!]!;
  const height = takers === 0 ? 0 : Math.floor((below + count) / takers);
  const extras = takers === 0 ? 0 : (below + count) % takers;
  return sorted
    .slice(0, takers)
    .map((member, i) => ({ member, share: height + (i < extras ? 1 : 0) - loads[member]! }))
    .sort((a, b) => a.member - b.member);
}

type Hop = { readonly from: number; readonly topic: number };

/**
 * The most loaded member gives one partition down a chain to a member with two less, until no member can. If it finds
 * no such member, everything that it reaches is level for good: no load there is lower than the giver's less one, and
 * no partition will be added there.
 */
function level(problem: Problem, owners: Owners): void {
  const loads = loadsOf(problem, owners);
  const held = holdings(problem, owners);
  const settled = new Set<number>();
  for (let giver = mostLoaded(loads, settled); giver >= 0; giver = mostLoaded(loads, settled)) {
    const { hops, taker } = chainFrom(giver, problem, held, loads);
    if (taker < 0) for (const member of [giver, ...hops.keys()]) settled.add(member);
    for (let to = taker; to >= 0 && to !== giver; to = hops.get(to)!.from) pass(hops.get(to)!, to, held, owners);
    if (taker < 0) continue;
    loads[giver]!--;
    loads[taker]!++;
  }
}

function mostLoaded(loads: readonly number[], settled: ReadonlySet<number>): number {
  let most = -1;
  for (const [member, load] of loads.entries())
    if (!settled.has(member) && (most < 0 || load > loads[most]!)) most = member;
  return most;
}

/** The numbers of the partitions, by member and then by topic. The partition that came last is passed on first. */
type Holdings = readonly Map<number, number[]>[];

function holdings({ members, topics, bases }: Problem, owners: Owners): Holdings {
  const held = members.map(() => new Map<number, number[]>());
  for (const [t, { partitions }] of topics.entries()) {
    for (let at = bases[t]!; at < bases[t]! + partitions; at++) hold(held, owners[at]!, t, at);
  }
  return held;
}

function hold(held: Holdings, member: number, topic: number, at: number): void {
  const list = held[member]!.get(topic);
  if (list) list.push(at);
  else held[member]!.set(topic, [at]);
}

/**
 * The search is breadth first, because the shortest chain moves the fewest partitions. `taker` is -1 if there is no
 * chain.
 */
function chainFrom(giver: number, { subscribers }: Problem, held: Holdings, loads: readonly number[]) {
  const hops = new Map<number, Hop>();
  const seenTopics = new Set<number>();
  const queue = [giver];
  for (let i = 0; i < queue.length; i++) {
    const from = queue[i]!;
    for (const [topic, list] of held[from]!) {
      if (list.length === 0 || seenTopics.has(topic)) continue;
      seenTopics.add(topic);
      for (const to of subscribers[topic]!) {
        if (to === giver || hops.has(to)) continue;
        hops.set(to, { from, topic });
        if (loads[to]! <= loads[giver]! - 2) return { hops, taker: to };
        queue.push(to);
      }
    }
  }
  return { hops, taker: -1 };
}

function pass({ from, topic }: Hop, to: number, held: Holdings, owners: Owners): void {
  const at = held[from]!.get(topic)!.pop()!;
  owners[at] = to;
  hold(held, to, topic, at);
}
