import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Assignor, TopicPartitions } from '../../../lib/api/groups.ts';
import { assign } from '../../../lib/group/assignment/assign.ts';
import type { AssignableTopic, Subscriber } from '../../../lib/group/assignment/problem.ts';
import type { Target } from '../../../lib/group/items/target.ts';

type ByTopic = Record<string, number[]>;
type GoldenCase = {
  name: string;
  topics: Record<string, number>;
  subscriptions: Record<string, string[]>;
  owned: Record<string, ByTopic>;
  instanceIds: Record<string, string>;
  assignments: Record<'server-uniform' | 'server-range', Record<string, ByTopic>>;
};

const golden = JSON.parse(readFileSync('test/fixtures/kafka/assignments.json', 'utf8')) as { cases: GoldenCase[] };

const targetOf = (byMember: Record<string, ByTopic>): Target =>
  new Map(
    Object.entries(byMember).map(([member, topics]) => [
      member,
      Object.entries(topics).map(([topic, partitions]) => ({ topic, topicId: topic, partitions })),
    ]),
  );

function plain(target: Target): Record<string, ByTopic> {
  const byTopic = (list: readonly TopicPartitions[]) =>
    Object.fromEntries(list.map(({ topic, partitions }) => [topic, [...partitions]]));
  return Object.fromEntries([...target].map(([member, list]) => [member, byTopic(list)]));
}

const topicsOf = (topics: Record<string, number>): AssignableTopic[] =>
  Object.entries(topics).map(([topic, partitions]) => ({ topic, topicId: topic, partitions }));

const run = (assignor: Assignor, { topics, subscriptions, owned, instanceIds }: GoldenCase) =>
  assign(
    assignor,
    Object.entries(subscriptions).map(([key, topicIds]) => ({
      key,
      topicIds,
      ...(instanceIds[key] !== undefined && { instanceId: instanceIds[key] }),
    })),
    topicsOf(topics),
    targetOf(owned),
  );

const sizes = (target: Record<string, ByTopic>) =>
  Object.values(target)
    .map((topics) => Object.values(topics).flat().length)
    .sort();

const names = (target: Record<string, ByTopic>, member: string) =>
  Object.entries(target[member] ?? {}).flatMap(([topic, list]) => list.map((partition) => `${topic}-${partition}`));

const moved = (before: Record<string, ByTopic>, after: Record<string, ByTopic>) =>
  Object.keys(before).reduce(
    (count, member) => count + names(before, member).filter((name) => !names(after, member).includes(name)).length,
    0,
  );

describe("against Kafka's own assignors", () => {
  it.each(golden.cases)('range is the same: $name', (golden) => {
    expect(plain(run('range', golden))).toEqual(golden.assignments['server-range']);
  });

  // Our static members are in the order of their instance ids, Kafka's in the order of their member ids, which are made
  // by chance. With different subscriptions, our assignments are as balanced as Kafka's, and move less.
  const differs = (golden: GoldenCase) =>
    Object.keys(golden.instanceIds).length > 0 || golden.name.startsWith('heterogeneous');

  it.each(golden.cases.filter((each) => !differs(each)))('uniform is the same: $name', (golden) => {
    expect(plain(run('uniform', golden))).toEqual(golden.assignments['server-uniform']);
  });

  it.each(golden.cases.filter(differs))('uniform is as balanced and moves no more: $name', (golden) => {
    const [ours, theirs] = [plain(run('uniform', golden)), golden.assignments['server-uniform']];
    expect(sizes(ours)).toEqual(sizes(theirs));
    expect(moved(golden.owned, ours)).toBeLessThanOrEqual(moved(golden.owned, theirs));
  });
});

type World = { members: Subscriber[]; topics: AssignableTopic[] };

const topicIds = ['a', 'b', 'c', 'd', 'e'];
const topics = fc
  .array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: topicIds.length })
  .map((counts) =>
    counts.map((partitions, i) => ({ topic: topicIds[i]!, topicId: topicIds[i]!, partitions }) as AssignableTopic),
  );
const memberKeys = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 9 });
/** In half of the worlds all members subscribe to the same topics. */
const worlds: fc.Arbitrary<World> = fc
  .record({
    topics,
    keys: memberKeys,
    subscriptions: fc.array(fc.subarray(topicIds), { minLength: 9, maxLength: 9 }),
    alike: fc.boolean(),
    statics: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8]),
  })
  .map(({ topics, keys, subscriptions, alike, statics }) => ({
    topics,
    members: keys.map((key, i) => ({
      key: `m${key}`,
      topicIds: subscriptions[alike ? 0 : i]!,
      ...(statics.includes(i) && { instanceId: `i${key}` }),
    })),
  }));
const assignors = fc.constantFrom<Assignor>('uniform', 'range');

const list = (target: Target, key: string) =>
  (target.get(key) ?? []).flatMap(({ topicId, partitions }) => partitions.map((p) => `${topicId}-${p}`));

/**
 * Tells whether some chain of single moves would bring two members nearer. It checks this the slow way, over single
 * partitions.
 */
function canImprove({ members }: World, target: Target): boolean {
  const load = (key: string) => list(target, key).length;
  return members.some(({ key: giver }) => {
    const reached = new Set([giver]);
    for (const key of reached) {
      for (const topicId of (target.get(key) ?? []).filter((each) => each.partitions.length > 0).map((t) => t.topicId))
        for (const other of members) if (other.topicIds.includes(topicId)) reached.add(other.key);
    }
    return [...reached].some((key) => load(key) <= load(giver) - 2);
  });
}

describe('an assignment', () => {
  it('gives each partition of a subscribed topic once, to a subscriber', () => {
    fc.assert(
      fc.property(assignors, worlds, worlds, (assignor, before, { members, topics }) => {
        const target = assign(assignor, members, topics, assign(assignor, before.members, before.topics, new Map()));
        const wanted = topics
          .filter(({ topicId }) => members.some((member) => member.topicIds.includes(topicId)))
          .flatMap(({ topicId, partitions }) => Array.from({ length: partitions }, (_, p) => `${topicId}-${p}`));
        expect(members.flatMap(({ key }) => list(target, key)).sort()).toEqual(wanted.sort());
        for (const { key, topicIds } of members)
          for (const { topicId } of target.get(key) ?? []) expect(topicIds).toContain(topicId);
      }),
    );
  });

  it('is as balanced as the subscriptions allow (uniform)', () => {
    fc.assert(
      fc.property(worlds, worlds, (before, world) => {
        const current = assign('uniform', before.members, before.topics, new Map());
        expect(canImprove(world, assign('uniform', world.members, world.topics, current))).toBe(false);
      }),
    );
  });

  it('does not depend on the order of members or topics', () => {
    fc.assert(
      fc.property(assignors, worlds, worlds, (assignor, before, { members, topics }) => {
        const current = assign('uniform', before.members, before.topics, new Map());
        const target = assign(assignor, members, topics, current);
        const reversed = assign(assignor, [...members].reverse(), [...topics].reverse(), current);
        expect(plain(reversed)).toEqual(plain(target));
      }),
    );
  });

  it('stays as it is while nothing changes (uniform)', () => {
    fc.assert(
      fc.property(worlds, worlds, (before, { members, topics }) => {
        const first = assign('uniform', before.members, before.topics, new Map());
        const target = assign('uniform', members, topics, first);
        expect(plain(assign('uniform', members, topics, target))).toEqual(plain(target));
      }),
    );
  });
});

describe('if all subscribe to the same topics, uniform moves only', () => {
  const alike = worlds.map(({ members, topics }) => ({
    topics,
    members: members.map((member) => ({ ...member, topicIds })),
  }));

  it('the partitions of a member that leaves', () => {
    fc.assert(
      fc.property(alike, fc.nat(), ({ members, topics }, index) => {
        const before = assign('uniform', members, topics, new Map());
        const stay = members.filter((_, i) => i !== index % members.length);
        const after = assign('uniform', stay, topics, before);
        for (const { key } of stay) expect(list(after, key)).toEqual(expect.arrayContaining(list(before, key)));
      }),
    );
  });

  it('the quota of a member that joins', () => {
    fc.assert(
      fc.property(alike, ({ members, topics }) => {
        const before = assign('uniform', members, topics, new Map());
        const joiner = { key: 'm99', topicIds };
        const after = assign('uniform', [...members, joiner], topics, before);
        const movedAway = members.flatMap(({ key }) =>
          list(before, key).filter((name) => !list(after, key).includes(name)),
        );
        expect(movedAway.sort()).toEqual(list(after, 'm99').sort());
      }),
    );
  });

  it('nothing if a topic grows or appears', () => {
    fc.assert(
      fc.property(alike, fc.integer({ min: 1, max: 9 }), ({ members, topics }, more) => {
        const before = assign('uniform', members, topics, new Map());
        const grown = topics.map((topic, i) => (i === 0 ? { ...topic, partitions: topic.partitions + more } : topic));
        const after = assign('uniform', members, grown, before);
        for (const { key } of members) expect(list(after, key)).toEqual(expect.arrayContaining(list(before, key)));
      }),
    );
  });
});

it('uniform hands out runs, so that offsets lie in few items', () => {
  const members = ['m0', 'm1', 'm2'].map((key) => ({ key, topicIds: key === 'm2' ? ['a'] : ['a', 'b'] }));
  const target = assign('uniform', members, topicsOf({ a: 48, b: 3 }), new Map());
  for (const lists of target.values())
    for (const { partitions } of lists) expect(partitions.at(-1)! - partitions[0]! + 1).toBe(partitions.length);
});
