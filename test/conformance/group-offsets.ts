import { describe, expect, it } from 'vitest';
import { type Fields, memberOfTopic, settle } from './member.ts';
import { type Ask, freshName } from './target.ts';

export function groupOffsetsConformance(ask: Ask): void {
  const newMember = (group: string, topic: string) => memberOfTopic(ask, group, topic);

  describe('committed offsets', () => {
    const at = (topic: string, ...offsets: readonly [number, number][]) => [
      { topic, partitions: offsets.map(([partition, offset]) => ({ partition, offset })) },
    ];
    const lookUp = async (group: string, query = '') =>
      (await ask.get(`/v1/groups/${group}/offsets${query}`)).json.topics;

    it('are kept with their metadata, and looked up by topic and range', async () => {
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

    it('can be committed by the owner only, partition by partition', async () => {
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

    it('are not set back by a delayed commit', async () => {
      const { topic } = await ask.topic();
      const group = freshName();
      const member = newMember(group, topic);
      await settle(member);
      await member.commit(at(topic, [0, 600]), { commitSeq: 20 });
      expect((await member.commit(at(topic, [0, 500]), { commitSeq: 19 })).status).toBe(200);
      expect((await member.commit(at(topic, [0, 600]), { commitSeq: 20 })).status).toBe(200);
      expect(await lookUp(group)).toMatchObject([{ partitions: [{ offset: 600 }] }]);
    });

    it('can be committed by anyone while there are no members, and only then', async () => {
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

    it('belong to the topic, not to its name', async () => {
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
        /^body\.topics\[0\]\.partitions\[1\]: expected each partition once/,
      ],
      [
        'of a topic twice',
        { topics: [...at('a', [0, 1]), ...at('a', [1, 1])] },
        /^body\.topics\[1\]: expected each topic once/,
      ],
      ['of a negative offset', { topics: at('a', [0, -1]) }, /offset: .*got -1/],
      [
        'of half a membership',
        { memberId: 'm', topics: at('a', [0, 1]) },
        /^body\.memberEpoch: expected memberId, memberEpoch and/,
      ],
    ])('%s are refused', async (_, body, detail) => {
      const refused = await ask.json('POST', `/v1/groups/${freshName()}/offsets`, body);
      expect(refused.json).toMatchObject({
        status: 400,
        detail: expect.stringMatching(detail),
        outcome: 'not-written',
      });
    });

    it('of a topic or partition that does not exist are refused', async () => {
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

    it('with metadata above 4,096 bytes are refused', async () => {
      const { topic } = await ask.topic(1);
      const partitions = [{ partition: 0, offset: 1, metadata: 'ü'.repeat(2_049) }];
      const refused = await ask.json('POST', `/v1/groups/${freshName()}/offsets`, { topics: [{ topic, partitions }] });
      expect(refused.status).toBe(400);
      expect(JSON.stringify(refused.json)).toMatch(/OFFSET_METADATA_TOO_LARGE/);
      expect(JSON.stringify(refused.json)).toMatch(/4098/);
    });

    it('are deleted on request, unless a member subscribes to the topic', async () => {
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
    ])('to %s shows the offset in a dry run, and sets it otherwise', async (_, target, offset) => {
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
}
