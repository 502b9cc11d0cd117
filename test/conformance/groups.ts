import { describe, expect, it } from 'vitest';
import { type Fields, memberOfTopic, settle } from './member.ts';
import { type Ask, freshName } from './target.ts';

export function groupsConformance(ask: Ask): void {
  const newMember = (group: string, topic: string, fields: Fields = {}) => memberOfTopic(ask, group, topic, fields);

  describe('groups', () => {
    it('are described with their members, their assignments and their progress', async () => {
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

    it('that are deleted are gone with their offsets, and may be created again', async () => {
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
