import { describe, expect, it } from 'vitest';
import { type Fields, memberOf, memberOfTopic, settle } from './member.ts';
import { type Ask, freshName } from './target.ts';

export function groupMembersConformance(ask: Ask): void {
  const newMember = (group: string, topic: string, fields: Fields = {}) => memberOfTopic(ask, group, topic, fields);

  describe('a member', () => {
    it('joins, gets its partitions, stays, and leaves', async () => {
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

    it('shares with members that join, and takes over from members that leave', async () => {
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

    it('gets nothing before the other member has reported that it let go', async () => {
      const { topic } = await ask.topic(2);
      const group = freshName();
      const [first, second] = [newMember(group, topic), newMember(group, topic)];
      await settle(first);
      for (let i = 0; i < 4; i++) await second.beat();
      expect(second.owned()).toEqual([]);
      // The first member does not report which partitions it owns, and so keeps them.
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

    it('subscribes by an expression, also to topics that are created later', async () => {
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

    it('that is static leaves and comes back under another member id, and no partition moves', async () => {
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
      [
        'with half a surrogate pair in the expression',
        { subscribedTopicRegex: 'a|\ud800' },
        'INVALID_REQUEST',
        /^body\.subscribedTopicRegex: expected text in valid Unicode, got a lone surrogate at character 3$/,
      ],
      ['with an interval close to its session', { heartbeatIntervalMs: 20_000 }, 'INVALID_REQUEST', /15000.*20000/],
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

    it('that names a partition that it does not own is fenced', async () => {
      const { topic } = await ask.topic(1);
      const other = await ask.topic(1);
      const member = newMember(freshName(), topic);
      await settle(member);
      const refused = await member.beat({ topicPartitions: [{ topic: other.topic, partitions: [0] }] });
      expect(refused.json).toMatchObject({ status: 409, errorCode: 'FENCED_MEMBER_EPOCH' });
    });

    it('without a subscription cannot join', async () => {
      const refused = await memberOf(ask, freshName(), {}).beat();
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST' });
    });

    it.each(['__consumer_offsets', 'a%20b', '..a b'.repeat(60)])('of group %s is refused', async (group) => {
      const refused = await ask.json('POST', `/v1/groups/${encodeURIComponent(group)}/heartbeat`, {});
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_GROUP_ID' });
    });
  });
}
