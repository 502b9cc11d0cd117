import { describe, expect, it } from 'vitest';
import { type Ask, freshName, type Reply } from './target.ts';

type Fields = Readonly<Record<string, unknown>>;
type TopicPartitions = { topic: string; topicId: string; partitions: number[] };

/** A member as docs/PROTOCOL.md has it: what it is told it does. */
function memberOf(ask: Ask, group: string, subscription: Fields, fields: Fields = {}) {
  const memberId = freshName().slice(-60);
  let memberEpoch = 0;
  let heartbeatSeq = 0;
  let commitSeq = 0;
  let assignment: TopicPartitions[] = [];
  const path = `/v1/groups/${group}`;

  /** Sends one heartbeat, with other members if given. */
  async function beat(other: Fields = {}): Promise<Reply> {
    heartbeatSeq += 1;
    const own = { memberId, memberEpoch, heartbeatSeq, topicPartitions: assignment };
    const body = { ...own, ...(memberEpoch === 0 && subscription), ...fields, ...other };
    const reply = await ask.json('POST', `${path}/heartbeat`, body);
    if (reply.status === 200) ({ memberEpoch, assignment } = reply.json);
    return reply;
  }

  /** One heartbeat; whether nothing is on its way any more. */
  async function step(): Promise<boolean> {
    const before = JSON.stringify(assignment);
    const { status, json } = await beat();
    if (status !== 200) expect(json).toMatchObject({ retriable: true });
    return json.heartbeatIntervalMs === 5_000 && JSON.stringify(assignment) === before;
  }

  const commit = (topics: readonly unknown[], other: Fields = {}) =>
    ask.json('POST', `${path}/offsets`, { memberId, memberEpoch, commitSeq: ++commitSeq, topics, ...other });
  const owned = () => assignment.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}:${p}`)).sort();
  return {
    memberId,
    path,
    beat,
    step,
    commit,
    owned,
    epoch: () => memberEpoch,
    leave: () => beat({ memberEpoch: -1, topicPartitions: null }),
  };
}

type Member = ReturnType<typeof memberOf>;

/** Heartbeats of all in turn, as their timers would send them, until two rounds have changed nothing. */
async function settle(...members: readonly Member[]): Promise<void> {
  for (let round = 0, quiet = 0; round < 30; round++) {
    let isQuiet = true;
    for (const member of members) isQuiet = (await member.step()) && isQuiet;
    quiet = isQuiet ? quiet + 1 : 0;
    if (quiet === 2) return;
  }
  throw new Error('the members did not settle within 30 rounds');
}

export function groupsConformance(ask: Ask): void {
  const newMember = (group: string, topic: string, fields: Fields = {}) =>
    memberOf(ask, group, { subscribedTopicNames: [topic] }, fields);

  describe('a member', () => {
    it('joins, is told its partitions, stays, and leaves', async () => {
      const { topic, topicId } = await ask.topic(3);
      const member = newMember(freshName(), topic);
      await settle(member);
      expect((await member.beat()).json.assignment).toEqual([{ topic, topicId, partitions: [0, 1, 2] }]);
      const reply = await member.beat();
      expect(reply.json).toMatchObject({
        memberId: member.memberId,
        memberEpoch: member.epoch(),
        heartbeatIntervalMs: 5_000,
        sessionTimeoutMs: 45_000,
      });
      expect(reply.json.leaseMs).toBeGreaterThan(30_000);
      expect((await member.leave()).json).toMatchObject({ memberEpoch: -1, assignment: [] });
      expect((await member.beat({ memberEpoch: 5 })).json).toMatchObject({
        status: 404,
        errorCode: 'UNKNOWN_MEMBER_ID',
        outcome: 'not-written',
      });
    });

    it('shares with those who come, and takes over from those who leave', async () => {
      const { topic } = await ask.topic(4);
      const group = freshName();
      const [first, second] = [newMember(group, topic), newMember(group, topic)];
      await settle(first);
      await settle(second, first);
      expect([first.owned().length, second.owned().length]).toEqual([2, 2]);
      expect([...first.owned(), ...second.owned()].sort()).toEqual([0, 1, 2, 3].map((p) => `${topic}:${p}`));
      await first.leave();
      await settle(second);
      expect(second.owned()).toHaveLength(4);
    });

    it('gets nothing before the other has said that it let go', async () => {
      const { topic } = await ask.topic(2);
      const group = freshName();
      const [first, second] = [newMember(group, topic), newMember(group, topic)];
      await settle(first);
      for (let i = 0; i < 4; i++) await second.beat();
      expect(second.owned()).toEqual([]);
      // It says nothing of what it owns, and so keeps it.
      for (let i = 0; i < 3; i++) await first.beat({ topicPartitions: null });
      await second.beat();
      expect(second.owned()).toEqual([]);
      await settle(first, second);
      expect([first.owned().length, second.owned().length]).toEqual([1, 1]);
    });

    it('may repeat a heartbeat', async () => {
      const { topic } = await ask.topic(2);
      const member = newMember(freshName(), topic);
      await settle(member);
      const once = await member.beat({ heartbeatSeq: 1_000, topicPartitions: null });
      const twice = await member.beat({ heartbeatSeq: 1_000, topicPartitions: null });
      expect([twice.status, twice.json.memberEpoch, twice.json.assignment]).toEqual([
        ...[200, once.json.memberEpoch, once.json.assignment],
      ]);
    });

    it('subscribes by an expression, also to topics that come later', async () => {
      const group = freshName();
      const prefix = freshName();
      const member = memberOf(ask, group, { subscribedTopicRegex: `${prefix}-[ab]` });
      await settle(member);
      expect(member.owned()).toEqual([]);
      for (const letter of ['a', 'b', 'c']) await ask.json('PUT', `/v1/topics/${prefix}-${letter}`, {});
      const other = newMember(group, `${prefix}-c`);
      await settle(other, member);
      expect(member.owned()).toEqual([`${prefix}-a:0`, `${prefix}-b:0`]);
      expect(other.owned()).toEqual([`${prefix}-c:0`]);
    });

    it('that is static goes and comes back as another, and nothing moves', async () => {
      const { topic } = await ask.topic(4);
      const group = freshName();
      const instanceId = freshName();
      const [fixed, other] = [newMember(group, topic, { instanceId }), newMember(group, topic)];
      await settle(fixed, other);
      const before = [fixed.owned(), other.owned()];
      const rival = newMember(group, topic, { instanceId });
      expect((await rival.beat()).json).toMatchObject({ status: 409, errorCode: 'UNRELEASED_INSTANCE_ID' });
      expect((await fixed.beat({ memberEpoch: -2 })).json).toMatchObject({ memberEpoch: -2 });
      const returned = newMember(group, topic, { instanceId });
      await settle(returned, other);
      expect([returned.owned(), other.owned()]).toEqual(before);
      const late = await fixed.beat({ memberEpoch: 3, topicPartitions: null });
      expect(late.json.errorCode).toMatch(/^(FENCED_INSTANCE_ID|UNKNOWN_MEMBER_ID)$/);
    });

    it('with the range assignor has the same partitions of all topics', async () => {
      const [a, b] = [await ask.topic(4), await ask.topic(4)];
      const group = freshName();
      const join = { subscribedTopicNames: [a.topic, b.topic], serverAssignor: 'range' };
      const members = [memberOf(ask, group, join), memberOf(ask, group, join)];
      await settle(...members);
      for (const member of members) {
        const numbers = (topic: string) =>
          member
            .owned()
            .filter((one) => one.startsWith(`${topic}:`))
            .map((one) => one.split(':')[1]);
        expect(numbers(a.topic)).toHaveLength(2);
        expect(numbers(a.topic)).toEqual(numbers(b.topic));
      }
    });

    it.each<[string, Fields, string, RegExp]>([
      ['from an epoch of the future', { memberEpoch: 99 }, 'FENCED_MEMBER_EPOCH', /epoch/],
      ['with an unknown assignor', { serverAssignor: 'sticky' }, 'UNSUPPORTED_ASSIGNOR', /sticky/],
      ['with a broken expression', { subscribedTopicRegex: '(' }, 'INVALID_REGULAR_EXPRESSION', /./],
      ['with an interval close to its session', { heartbeatIntervalMs: 20_000 }, 'INVALID_REQUEST', /20000.*15000/],
      ['with a member id that is none', { memberId: 'a/b' }, 'INVALID_REQUEST', /^body\.memberId: .*got "a\/b"/],
      ['with an epoch below -2', { memberEpoch: -3 }, 'INVALID_REQUEST', /^body\.memberEpoch: .*got -3/],
      ['with half a number', { heartbeatSeq: 0.5 }, 'INVALID_REQUEST', /^body\.heartbeatSeq: .*got 0\.5/],
      ['with a field that there is not', { groupInstanceId: 'x' }, 'INVALID_REQUEST', /^body\.groupInstanceId: /],
      ['that goes for a while without an instance id', { memberEpoch: -2 }, 'INVALID_REQUEST', /instanceId/],
      ['of an unknown topic name', { subscribedTopicNames: ['a b'] }, 'INVALID_TOPIC_EXCEPTION', /"a b"/],
    ])('%s is refused', async (_, fields, errorCode, detail) => {
      const { topic } = await ask.topic();
      const member = newMember(freshName(), topic);
      await settle(member);
      const refused = await member.beat(fields);
      expect(refused.json).toMatchObject({ errorCode, outcome: 'not-written', detail: expect.stringMatching(detail) });
    });

    it('that names a partition it does not own is fenced', async () => {
      const { topic } = await ask.topic(1);
      const other = await ask.topic(1);
      const member = newMember(freshName(), topic);
      await settle(member);
      const refused = await member.beat({ topicPartitions: [{ topic: other.topic, partitions: [0] }] });
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'FENCED_MEMBER_EPOCH' });
    });

    it('without a subscription does not join', async () => {
      const refused = await memberOf(ask, freshName(), {}).beat();
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST' });
    });

    it.each(['__internal', 'a%20b', '..a b'.repeat(60)])('of group %s is refused', async (group) => {
      const refused = await ask.json('POST', `/v1/groups/${encodeURIComponent(group)}/heartbeat`, {});
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_GROUP_ID' });
    });
  });

  describe('committed offsets', () => {
    const at = (topic: string, ...offsets: readonly [number, number][]) => [
      { topic, partitions: offsets.map(([partition, offset]) => ({ partition, offset })) },
    ];
    const lookUp = async (group: string, query = '') =>
      (await ask.get(`/v1/groups/${group}/offsets${query}`)).json.topics;

    it('are kept with their note, and looked up by topic and range', async () => {
      const { topic, topicId } = await ask.topic(3);
      const group = freshName();
      const member = newMember(group, topic);
      await settle(member);
      const noted = [{ topic, topicId, partitions: [{ partition: 1, offset: 7, leaderEpoch: 3, metadata: 'note ü' }] }];
      expect((await member.commit(noted)).json).toEqual({
        topics: [{ topic, topicId, partitions: [{ partition: 1 }] }],
      });
      const committed = {
        partition: 1,
        offset: 7,
        leaderEpoch: 3,
        metadata: 'note ü',
        committedAt: expect.any(Number),
      };
      expect(await lookUp(group)).toEqual([{ topic, topicId, partitions: [committed] }]);
      const none = { offset: -1, leaderEpoch: -1, metadata: '', committedAt: -1 };
      const range = await lookUp(group, `?partitions=0-1&topic=${topic}`);
      expect(range).toEqual([{ topic, topicId, partitions: [{ partition: 0, ...none }, committed] }]);
      expect((await ask.get(`/v1/groups/${group}/offsets?partitions=0`)).json).toMatchObject({ status: 400 });
    });

    it('are an owner’s to commit, partition by partition', async () => {
      const { topic } = await ask.topic(4);
      const group = freshName();
      const [first, second] = [newMember(group, topic), newMember(group, topic)];
      await settle(first, second);
      const mine = Number(first.owned()[0]!.split(':')[1]);
      const others = Number(second.owned()[0]!.split(':')[1]);
      const mixed = await first.commit(at(topic, [mine, 3], [others, 3]));
      expect(mixed.status).toBe(200);
      expect(mixed.json.topics[0].partitions).toMatchObject([
        { partition: mine },
        { partition: others, error: { errorCode: 'STALE_MEMBER_EPOCH', outcome: 'not-written' } },
      ]);
      const refused = await first.commit(at(topic, [others, 3]));
      expect(refused.status).toBe(409);
      expect(refused.json.topics[0].partitions).toMatchObject([{ error: { errorCode: 'STALE_MEMBER_EPOCH' } }]);
      const stranger = await first.commit(at(topic, [mine, 9]), { memberId: 'nobody' });
      expect(stranger.status).toBe(404);
      expect(JSON.stringify(stranger.json)).toContain('UNKNOWN_MEMBER_ID');
    });

    it('are not taken back by a commit that comes late', async () => {
      const { topic } = await ask.topic();
      const group = freshName();
      const member = newMember(group, topic);
      await settle(member);
      await member.commit(at(topic, [0, 600]), { commitSeq: 20 });
      expect((await member.commit(at(topic, [0, 500]), { commitSeq: 19 })).status).toBe(200);
      expect((await member.commit(at(topic, [0, 600]), { commitSeq: 20 })).status).toBe(200);
      expect(await lookUp(group)).toMatchObject([{ partitions: [{ offset: 600 }] }]);
    });

    it('are anybody’s to commit while there are no members, and only then', async () => {
      const { topic } = await ask.topic(2);
      const group = freshName();
      const path = `/v1/groups/${group}/offsets`;
      expect((await ask.json('POST', path, { topics: at(topic, [0, 5], [1, 6]) })).status).toBe(200);
      const member = newMember(group, topic);
      await settle(member);
      const refused = await ask.json('POST', path, { topics: at(topic, [0, 9]) });
      expect(JSON.stringify(refused.json)).toContain('UNKNOWN_MEMBER_ID');
      expect(refused.status).toBe(404);
      await member.leave();
      expect(await lookUp(group)).toMatchObject([{ partitions: [{ offset: 5 }, { offset: 6 }] }]);
    });

    it('are of the topic, not of its name', async () => {
      const { topic, topicId, path } = await ask.topic();
      const group = freshName();
      await ask.json('POST', `/v1/groups/${group}/offsets`, { topics: at(topic, [0, 5]) });
      await ask.json('DELETE', path);
      await ask.json('PUT', path, {});
      const [found] = await lookUp(group, `?partitions=0&topic=${topic}`);
      expect(found.partitions).toMatchObject([{ partition: 0, offset: -1 }]);
      const topics = [{ topic, topicId, partitions: [{ partition: 0, offset: 6 }] }];
      const refused = await ask.json('POST', `/v1/groups/${group}/offsets`, { topics });
      expect(refused.status).toBe(409);
      expect(JSON.stringify(refused.json)).toContain('INCONSISTENT_TOPIC_ID');
    });

    it.each<[string, Fields, RegExp]>([
      ['of no topic', { topics: [] }, /^body\.topics: /],
      [
        'of a partition twice',
        { topics: at('a', [0, 1], [0, 2]) },
        /^body\.topics\[0\]\.partitions\[1\]: is in the list/,
      ],
      ['of a topic twice', { topics: [...at('a', [0, 1]), ...at('a', [1, 1])] }, /^body\.topics\[1\]: is in the list/],
      ['of a negative offset', { topics: at('a', [0, -1]) }, /offset: .*got -1/],
      ['of half a membership', { memberId: 'm', topics: at('a', [0, 1]) }, /^body\.memberEpoch: is missing/],
    ])('%s are refused', async (_, body, detail) => {
      const refused = await ask.json('POST', `/v1/groups/${freshName()}/offsets`, body);
      expect(refused.json).toMatchObject({
        status: 400,
        detail: expect.stringMatching(detail),
        outcome: 'not-written',
      });
    });

    it('of a topic or partition that is not there are refused', async () => {
      const { topic } = await ask.topic(1);
      const path = `/v1/groups/${freshName()}/offsets`;
      const unknown = await ask.json('POST', path, { topics: at(freshName(), [0, 1]) });
      expect(unknown.status).toBe(404);
      const mixed = await ask.json('POST', path, { topics: at(topic, [0, 1], [7, 1]) });
      expect(mixed.status).toBe(200);
      expect(mixed.json.topics[0].partitions).toMatchObject([
        { partition: 0 },
        { partition: 7, error: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } },
      ]);
    });

    it('with a note above 4,096 bytes are refused', async () => {
      const { topic } = await ask.topic(1);
      const partitions = [{ partition: 0, offset: 1, metadata: 'ü'.repeat(2_049) }];
      const refused = await ask.json('POST', `/v1/groups/${freshName()}/offsets`, { topics: [{ topic, partitions }] });
      expect(refused.status).toBe(400);
      expect(JSON.stringify(refused.json)).toMatch(/OFFSET_METADATA_TOO_LARGE/);
      expect(JSON.stringify(refused.json)).toMatch(/4098/);
    });

    it('are forgotten, unless a member subscribes', async () => {
      const { topic } = await ask.topic(3);
      const group = freshName();
      const path = `/v1/groups/${group}/offsets`;
      await ask.json('POST', path, { topics: at(topic, [0, 5], [1, 6], [2, 7]) });
      const deleted = await ask.json('DELETE', `${path}?partitions=1-2&topic=${topic}`);
      expect(deleted.json.topics[0].partitions).toEqual([{ partition: 1 }, { partition: 2 }]);
      expect(await lookUp(group)).toMatchObject([{ partitions: [{ partition: 0, offset: 5 }] }]);
      const member = newMember(group, topic);
      await settle(member);
      const refused = await ask.json('DELETE', `${path}?partitions=0&topic=${topic}`);
      expect(refused.status).toBe(409);
      expect(JSON.stringify(refused.json)).toContain('GROUP_SUBSCRIBED_TO_TOPIC');
      const whole = await ask.json('DELETE', `${path}?topic=${topic}`);
      expect(JSON.stringify(whole.json)).toContain('GROUP_SUBSCRIBED_TO_TOPIC');
      expect(await lookUp(group)).toMatchObject([{ partitions: [{ partition: 0, offset: 5 }] }]);
    });
  });

  describe('a reset', () => {
    const reset = (group: string, body: Fields) => ask.json('POST', `/v1/groups/${group}/offsets/reset`, body);

    async function withRecords() {
      const { topic, path } = await ask.topic(1);
      const records = [10, 20, 30, 40].map((timestamp) => ({ value: timestamp, timestamp }));
      for (const record of records) await ask.json('POST', `${path}/records`, { records: [record] });
      const group = freshName();
      const committed = [{ topic, partitions: [{ partition: 0, offset: 3 }] }];
      await ask.json('POST', `/v1/groups/${group}/offsets`, { topics: committed });
      const current = async () => (await ask.get(`/v1/groups/${group}/offsets`)).json.topics[0].partitions[0].offset;
      return { topic, group, current };
    }

    it.each<[string, Fields, number]>([
      ['earliest', { to: 'earliest' }, 0],
      ['latest', { to: 'latest' }, 4],
      ['current', { to: 'current' }, 3],
      ['offset', { to: 'offset', offset: 1 }, 1],
      ['offset beyond the end', { to: 'offset', offset: 100 }, 4],
      ['offsets', { to: 'offsets', offsets: [{ partition: 0, offset: 2 }] }, 2],
      ['shift back', { to: 'shift', by: -2 }, 1],
      ['shift beyond the start', { to: 'shift', by: -20 }, 0],
      ['datetime', { to: 'datetime', timestamp: 25 }, 2],
      ['datetime of the future', { to: 'datetime', timestamp: 99 }, 4],
    ])('to %s tells first, then sets', async (_, target, offset) => {
      const { topic, group, current } = await withRecords();
      const dry = await reset(group, { dryRun: true, topics: [{ topic, target }] });
      expect(dry.json).toMatchObject({
        dryRun: true,
        topics: [{ topic, partitions: [{ partition: 0, previousOffset: 3, offset }] }],
      });
      expect(await current()).toBe(3);
      const partitions = target.to === 'offsets' ? {} : { partitions: [0] };
      const done = await reset(group, { topics: [{ topic, ...partitions, target }] });
      expect(done.json).toMatchObject({ dryRun: false, topics: dry.json.topics });
      expect(await current()).toBe(offset);
    });

    it('is refused while there are members', async () => {
      const { topic, group, current } = await withRecords();
      const member = newMember(group, topic);
      await settle(member);
      const refused = await reset(group, { topics: [{ topic, target: { to: 'earliest' } }] });
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'NON_EMPTY_GROUP', outcome: 'not-written' });
      expect(await current()).toBe(3);
      await member.leave();
      expect((await reset(group, { topics: [{ topic, target: { to: 'earliest' } }] })).status).toBe(200);
      expect(await current()).toBe(0);
    });

    it.each<[string, Fields]>([
      ['nowhere', {}],
      ['somewhere unknown', { to: 'tomorrow' }],
      ['an offset without one', { to: 'offset' }],
      ['a negative offset', { to: 'offset', offset: -1 }],
      ['earliest with an offset', { to: 'earliest', offset: 1 }],
    ])('to %s is refused', async (_, target) => {
      const refused = await reset(freshName(), { topics: [{ topic: 'a', target }] });
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST' });
      expect(refused.json.detail).toMatch(/^body\.topics\[0\]\.target/);
    });
  });

  describe('groups', () => {
    it('are described: members, what they have, how far they are', async () => {
      const { topic, topicId, path } = await ask.topic(2);
      const records = [1, 2, 3].map((value) => ({ partition: 0, value, timestamp: Date.now() - 60_000 }));
      await ask.json('POST', `${path}/records`, { records });
      const group = freshName();
      const member = newMember(group, topic, { clientId: 'teller', rackId: 'r1' });
      await settle(member);
      await member.commit([{ topic, partitions: [{ partition: 0, offset: 1, metadata: 'm' }] }]);
      const { json } = await ask.get(`/v1/groups/${group}`);
      const assignment = [{ topic, topicId, partitions: [0, 1] }];
      expect(json).toMatchObject({
        ...{ groupId: group, state: 'Stable', members: 1, assignor: 'uniform' },
        memberDetails: [
          {
            ...{ memberId: member.memberId, clientId: 'teller', rackId: 'r1', memberEpoch: member.epoch() },
            ...{ subscribedTopicNames: [topic], assignment, targetAssignment: assignment, revoking: [] },
          },
        ],
        partitionDetails: [
          { topic, topicId, partition: 0, currentOffset: 1, logEndOffset: 3, lag: 2, metadata: 'm' },
          { topic, topicId, partition: 1, currentOffset: -1, logEndOffset: 0, lag: -1, memberId: member.memberId },
        ],
      });
      expect(json.partitionDetails[0].timeLagMs).toBeGreaterThanOrEqual(60_000);
      const second = await ask.get(`/v1/groups/${group}?membersFrom=1&partitionsFrom=1`);
      expect(second.json).toMatchObject({ memberDetails: [], partitionDetails: [{ partition: 1 }] });
    });

    it('are listed page by page, and deleted once they are empty', async () => {
      const { topic } = await ask.topic();
      const groups = [freshName(), freshName(), freshName()].sort();
      for (const group of groups) await settle(newMember(group, topic));
      const seen: string[] = [];
      let after = groups[0]!.slice(0, -1);
      for (;;) {
        const page = (await ask.get(`/v1/groups?after=${after}&limit=2`)).json;
        expect(page.groups.length).toBeLessThanOrEqual(2);
        seen.push(...page.groups.map(({ groupId }: { groupId: string }) => groupId));
        if (page.nextAfter === undefined) break;
        after = page.nextAfter;
      }
      expect(seen).toEqual([...new Set(seen)].sort());
      expect(seen).toEqual(expect.arrayContaining(groups));
      const path = `/v1/groups/${groups[0]}`;
      expect((await ask.json('DELETE', path)).json).toMatchObject({ status: 409, errorCode: 'NON_EMPTY_GROUP' });
    });

    it('that are deleted are gone, with their offsets, and may begin anew', async () => {
      const { topic } = await ask.topic();
      const group = freshName();
      const path = `/v1/groups/${group}`;
      const member = newMember(group, topic);
      await settle(member);
      await member.commit([{ topic, partitions: [{ partition: 0, offset: 5 }] }]);
      await member.leave();
      expect((await ask.get(path)).json).toMatchObject({ state: 'Empty', members: 0 });
      expect((await ask.json('DELETE', path)).status).toBe(204);
      for (const gone of [await ask.get(path), await ask.json('DELETE', path)])
        expect(gone.json).toMatchObject({ status: 404, errorCode: 'GROUP_ID_NOT_FOUND' });
      const again = newMember(group, topic);
      await settle(again);
      expect(again.owned()).toEqual([`${topic}:0`]);
      expect((await ask.get(`${path}/offsets?partitions=0&topic=${topic}`)).json.topics[0].partitions).toMatchObject([
        { offset: -1 },
      ]);
    });
  });
}
