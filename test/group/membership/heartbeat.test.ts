import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../lib/api/engine.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import {
  createGroupWorld,
  createMember,
  errorCodeOf,
  type GroupWorld,
  groupId,
  settleAll,
  worldOfTopic,
} from '../world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(6);
});
const member = (id: string, options?: Parameters<typeof createMember>[2]) => createMember(world.engine, id, options);
const all = ['t-0', 't-1', 't-2', 't-3', 't-4', 't-5'];

describe('a member', () => {
  it('joins, and owns everything immediately if it is alone', async () => {
    const m = member('m1');
    const reply = await m.beat();
    expect(m.owned).toEqual(all);
    expect(reply).toMatchObject({ memberId: 'm1', memberEpoch: 2, sessionTimeoutMs: 45_000, leaseMs: 45_000 });
  });

  it('shares with a member that joins, and a partition moves only after it was let go of', async () => {
    const [a, b] = [member('a'), member('b')];
    await a.settle();
    await b.beat();
    expect(b.owned).toEqual([]);
    const told = await a.send();
    expect(told.assignment.flatMap(({ partitions }) => partitions)).toHaveLength(3);
    await b.beat();
    expect(b.owned).toEqual([]);
    await a.beat();
    await a.beat();
    await b.beat();
    expect(b.owned).toHaveLength(3);
    expect([...a.owned, ...b.owned].sort()).toEqual(all);
  });

  it('leaves, and its partitions are free immediately', async () => {
    const [a, b] = [member('a'), member('b')];
    await settleAll(a, b, a);
    await a.leave();
    await b.beat();
    expect(b.owned).toEqual(all);
  });

  it('expires, and the member that watches it takes over within the session and a heartbeat', async () => {
    const [a, b] = [member('a'), member('b')];
    await settleAll(a, b, a);
    for (let waitedMs = 0; waitedMs < 50_000; waitedMs += 5_000) {
      world.clock.advance(5_000);
      await b.beat();
    }
    expect(b.owned).toEqual(all);
    expect(await errorCodeOf(a.beat())).toBe('UNKNOWN_MEMBER_ID');
  });

  it('that sends a heartbeat late goes on if no process has closed it, while other silent members are closed', async () => {
    const [a, b, c] = [member('a'), member('b'), member('c')];
    await settleAll(a, b, c);
    world.clock.advance(600_000);
    await b.settle();
    expect(b.owned).toEqual(all);
    expect(await errorCodeOf(c.beat())).toBe('UNKNOWN_MEMBER_ID');
  });

  it('receives again the partitions that a lost reply named', async () => {
    const a = member('a');
    await a.send();
    const reply = await a.beat();
    expect(a.owned).toEqual(all);
    expect(reply.memberEpoch).toBe(3);
  });

  it('that joins again begins new terms, so that a delayed commit from before is refused', async () => {
    const a = member('a');
    await a.beat();
    const { epoch } = a;
    await a.beat({ memberEpoch: 0, topicPartitions: [] });
    expect(a.owned).toEqual(all);
    expect(await a.commit(0, 3, { memberEpoch: epoch })).toBe('STALE_MEMBER_EPOCH');
    expect(await a.commit(0, 3)).toBeUndefined();
  });

  it('that repeats a heartbeat receives the same answer', async () => {
    const a = member('a');
    const first = await a.send({ heartbeatSeq: 7 });
    expect(await a.send({ heartbeatSeq: 7 })).toEqual(first);
  });

  it('whose heartbeat arrives late changes nothing', async () => {
    const a = member('a');
    await a.beat({ heartbeatSeq: 7 });
    expect(await errorCodeOf(a.send({ heartbeatSeq: 6 }))).toBe('INVALID_REQUEST');
  });

  it('that sends another epoch is fenced', async () => {
    const a = member('a');
    await a.settle();
    for (const memberEpoch of [1, 3, 99])
      expect(await errorCodeOf(a.send({ memberEpoch }))).toBe('FENCED_MEMBER_EPOCH');
  });

  it('that names partitions that it does not own is fenced', async () => {
    const [a, b] = [member('a'), member('b')];
    await settleAll(a, b, a);
    const everything = [{ topic: 't', partitions: [0, 1, 2, 3, 4, 5] }];
    expect(await errorCodeOf(b.send({ topicPartitions: everything }))).toBe('FENCED_MEMBER_EPOCH');
  });

  it('that the group does not know must join', async () => {
    expect(await errorCodeOf(member('a').send({ memberEpoch: 4 }))).toBe('UNKNOWN_MEMBER_ID');
    expect(await errorCodeOf(member('a').send({ memberEpoch: -1 }))).toBe('UNKNOWN_MEMBER_ID');
  });

  it('that left is not brought back by a delayed heartbeat', async () => {
    const a = member('a');
    await a.beat({ heartbeatSeq: 5 });
    await a.send({ heartbeatSeq: 9, memberEpoch: -1 });
    expect(await errorCodeOf(a.send({ heartbeatSeq: 4, memberEpoch: 0 }))).toBe('UNKNOWN_MEMBER_ID');
    expect(await a.send({ heartbeatSeq: 9, memberEpoch: -1 })).toMatchObject({ memberEpoch: -1 });
    expect((await world.engine.groups.describe(groupId)).state).toBe('Empty');
  });
});

describe('in a group of more than one page of members', () => {
  const ids = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`);

  it.each(['dynamic', 'static'])('a %s member that dies is missed by the one before it', async (kind) => {
    for (const victim of ids) {
      const { engine, clock } = createGroupWorld();
      await engine.createTopic({ topic: 't', partitions: 12 });
      const members = ids.map((id) => createMember(engine, id, kind === 'static' ? { instanceId: id } : {}));
      await settleAll(...members);
      for (let waitedMs = 0; waitedMs < 50_000; waitedMs += 10_000) {
        clock.advance(10_000);
        for (const one of members) if (one.memberId !== victim) await one.beat();
      }
      const { memberDetails } = await engine.groups.describe(groupId);
      expect(memberDetails.map(({ memberId }) => memberId)).toEqual(ids.filter((id) => id !== victim));
    }
  });

  it('the last of many that died together are missed with the first', async () => {
    const { engine, clock } = createGroupWorld();
    await engine.createTopic({ topic: 't', partitions: 60 });
    const members = Array.from({ length: 60 }, (_, i) => createMember(engine, `m${String(i).padStart(2, '0')}`));
    await settleAll(...members);
    const [first] = members;
    for (let waitedMs = 0; waitedMs < 50_000; waitedMs += 10_000) {
      clock.advance(10_000);
      await first!.beat();
    }
    await first!.settle();
    expect(first!.owned).toHaveLength(60);
  });
});

describe('where the gateway says when it took the request', () => {
  const session = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 2_000 };

  /** Creates two members. From now on the heartbeats of b come `via` this. */
  async function worldOf(via: 'a clock that is ahead' | 'a slow request') {
    const table = createMemoryTable();
    const [right, ahead] = [createGroupWorld(undefined, table), createGroupWorld(undefined, table)];
    await right.engine.createTopic({ topic: 't', partitions: 2 });
    let isOdd = false;
    const heartbeat: Engine['groups']['heartbeat'] = (request) => {
      const nowMs = right.clock.now();
      if (!isOdd) return right.engine.groups.heartbeat(request);
      if (via === 'a slow request') return right.engine.groups.heartbeat({ ...request, receivedMs: nowMs - 3_000 });
      ahead.clock.advance(nowMs + 20_000 - ahead.clock.now());
      return ahead.engine.groups.heartbeat({ ...request, receivedMs: nowMs });
    };
    const engine = { ...right.engine, groups: { ...right.engine.groups, heartbeat } };
    const [a, b] = [createMember(right.engine, 'a', session), createMember(engine, 'b', session)];
    await settleAll(a, b, a);
    isOdd = true;
    return { right, a, b };
  }

  it.each([
    ['a clock that is ahead', 0],
    ['a slow request', 3_000],
  ] as const)('%s ends no session of a living member', async (via, renewedAgoMs) => {
    const { right, a, b } = await worldOf(via);
    for (let waitedMs = 0; waitedMs < 5_000; waitedMs += 1_000) {
      right.clock.advance(1_000);
      await a.beat();
    }
    await b.beat();
    const { memberDetails } = await right.engine.groups.describe(groupId);
    expect(memberDetails).toMatchObject([
      { memberId: 'a', renewedAgoMs: 1_000 },
      { memberId: 'b', renewedAgoMs },
    ]);
    await a.beat();
    expect(a.owned).toHaveLength(1);
  });
});

describe('a member that does not let go in time', () => {
  it('is closed when its rebalance timeout is over', async () => {
    const [a, b] = [member('a', { rebalanceTimeoutMs: 60_000 }), member('b')];
    await a.settle();
    await b.beat();
    const stubborn = { topicPartitions: [{ topic: 't', partitions: [0, 1, 2, 3, 4, 5] }] };
    for (let waitedMs = 0; waitedMs < 80_000; waitedMs += 5_000) {
      world.clock.advance(5_000);
      await a.send(stubborn).catch(() => {});
      await b.beat();
    }
    expect(b.owned).toEqual(all);
    expect(await errorCodeOf(a.send())).toBe('UNKNOWN_MEMBER_ID');
  });
});

it('no member is promised more time than its rebalance timeout leaves', async () => {
  const [a, b] = [member('a', { rebalanceTimeoutMs: 60_000 }), member('b')];
  await a.settle();
  await b.beat();
  expect((await a.beat()).leaseMs).toBe(45_000);
  const stubborn = { topicPartitions: [{ topic: 't', partitions: [0, 1, 2, 3, 4, 5] }] };
  world.clock.advance(40_000);
  expect((await a.send(stubborn)).leaseMs).toBe(20_000);
});

describe('more members than partitions', () => {
  it('leave some members without partitions', async () => {
    const members = Array.from({ length: 8 }, (_, i) => member(`m${i}`));
    await settleAll(...members);
    expect(members.flatMap(({ owned }) => owned).sort()).toEqual(all);
    expect(members.filter(({ owned }) => owned.length === 0)).toHaveLength(2);
  });
});

describe('topics', () => {
  it('that grow, appear and vanish are noticed with a renewal', async () => {
    const a = member('a', { topics: ['t', 'later'] });
    await a.settle();
    const renew = async () => {
      world.clock.advance(16_000);
      await a.settle();
    };
    await world.engine.alterTopic({ topic: 't', partitions: 8 });
    await renew();
    expect(a.owned).toContain('t-7');
    await world.engine.createTopic({ topic: 'later', partitions: 2 });
    await renew();
    expect(a.owned).toContain('later-1');
    await world.engine.deleteTopic('t');
    await renew();
    expect(a.owned).toEqual(['later-0', 'later-1']);
  });

  it('re-created under the same name have other partitions, and no committed offsets', async () => {
    const a = member('a');
    await a.settle();
    await a.commit(0, 5);
    await world.engine.deleteTopic('t');
    await world.engine.createTopic({ topic: 't', partitions: 2 });
    world.clock.advance(16_000);
    await a.settle();
    expect(a.owned).toEqual(['t-0', 't-1']);
    expect(await world.engine.groups.fetchOffsets({ groupId })).toEqual({ topics: [] });
  });

  it('are subscribed to by expression', async () => {
    const a = member('a', { subscribedTopicRegex: 'orders-.*' });
    await world.engine.createTopic({ topic: 'orders-1' });
    await world.engine.createTopic({ topic: 'old-orders-1' });
    await a.settle();
    expect(a.owned).toEqual(['orders-1-0']);
    await world.engine.createTopic({ topic: 'orders-2' });
    world.clock.advance(16_000);
    await a.settle();
    expect(a.owned).toEqual(['orders-1-0', 'orders-2-0']);
  });

  it('that no member subscribes to do not disturb the group', async () => {
    const a = member('a');
    await a.settle();
    const { epoch } = a;
    await world.engine.createTopic({ topic: 'unrelated' });
    world.clock.advance(16_000);
    await a.settle();
    expect(a.epoch).toBe(epoch);
  });

  it('change with the subscription', async () => {
    await world.engine.createTopic({ topic: 'u', partitions: 2 });
    const a = member('a');
    await a.settle();
    for (let beats = 0; beats < 4; beats++) await a.beat({ subscribedTopicNames: ['u'] });
    expect(a.owned).toEqual(['u-0', 'u-1']);
  });
});

describe('the assignor', () => {
  it('is the one that most members ask for', async () => {
    await world.engine.createTopic({ topic: 'u', partitions: 6 });
    const options = { topics: ['t', 'u'], serverAssignor: 'range' };
    const [a, b] = [member('a', options), member('b', options)];
    await settleAll(a, b, a);
    expect(a.owned).toEqual(['t-0', 't-1', 't-2', 'u-0', 'u-1', 'u-2']);
    expect((await world.engine.groups.describe(groupId)).assignor).toBe('range');
  });
});

describe('a wrong heartbeat is refused', () => {
  const wrong: [string, string, Parameters<typeof createMember>[2]][] = [
    ['INVALID_GROUP_ID', 'an empty group id', { groupId: '' }],
    ['INVALID_REQUEST', 'a member id with a blank', { memberId: 'a b' }],
    ['INVALID_REQUEST', 'an epoch below -2', { memberEpoch: -3 }],
    ['INVALID_REQUEST', '-2 without an instance id', { memberEpoch: -2 }],
    ['INVALID_REQUEST', 'nothing subscribed to', { topics: [] }],
    [
      'INVALID_REQUEST',
      'an interval above a third of the session',
      { heartbeatIntervalMs: 9_000, sessionTimeoutMs: 10_000 },
    ],
    ['INVALID_REQUEST', 'too many names', { topics: Array.from({ length: 1001 }, (_, i) => `t${i}`) }],
    [
      'INVALID_REQUEST',
      'too many characters in all names',
      { topics: Array.from({ length: 300 }, (_, i) => `${i}`.padStart(249, 'x')) },
    ],
    ['INVALID_REQUEST', 'a long client id', { clientId: 'x'.repeat(250) }],
    ['UNSUPPORTED_ASSIGNOR', 'another assignor', { serverAssignor: 'sticky' }],
    ['INVALID_REGULAR_EXPRESSION', 'an open bracket', { subscribedTopicRegex: 'a[' }],
    ['INVALID_REGULAR_EXPRESSION', 'a repetition of repetitions', { subscribedTopicRegex: '((a{100}){100}){100}' }],
    ['INVALID_REGULAR_EXPRESSION', 'repetitions that add up', { subscribedTopicRegex: '(.*x){0,200}y' }],
    ['INVALID_REGULAR_EXPRESSION', 'a look-ahead', { subscribedTopicRegex: '(?=a)' }],
    ['COORDINATOR_NOT_AVAILABLE', 'a clock that is behind', { receivedMs: Date.UTC(2026, 0, 1) + 2_000 }],
    ['COORDINATOR_NOT_AVAILABLE', 'a clock that is ahead', { receivedMs: Date.UTC(2026, 0, 1) - 40_000 }],
  ];
  it.each(wrong)('%s: %s', async (code, _what, options) => {
    expect(await errorCodeOf(member('a', options).beat())).toBe(code);
  });

  it('INVALID_REQUEST: more partitions than a group may have', async () => {
    for (const digit of [1, 2, 3, 4, 5, 6])
      await world.engine.createTopic({ topic: `big-${digit}`, partitions: 10_000 });
    expect(await errorCodeOf(member('a', { subscribedTopicRegex: 'big-.*' }).beat())).toBe('INVALID_REQUEST');
    const five = member('a', { subscribedTopicRegex: 'big-[1-5]' });
    expect(await errorCodeOf(five.beat())).toBeUndefined();
  });

  it('but an expression of plain text may have the full length', async () => {
    expect(await errorCodeOf(member('a', { subscribedTopicRegex: 'x'.repeat(1_000) }).beat())).toBeUndefined();
  });

  it('but times outside the bounds are brought within them', async () => {
    expect(await member('a', { sessionTimeoutMs: 1_000, heartbeatIntervalMs: 1 }).beat()).toMatchObject({
      sessionTimeoutMs: 6_000,
      heartbeatIntervalMs: 500,
    });
  });
});
