import { describe, expect, it } from 'vitest';
import type { Ask } from './target.ts';

export function deleteRecordsConformance(ask: Ask): void {
  describe('deleting records', () => {
    const filled = async (config: Record<string, string> = {}) => {
      const { path, ...topic } = await ask.topic(2, config);
      const records = ['a', 'b', 'c'].map((value) => ({ partition: 0, value }));
      await ask.json('POST', `${path}/records`, { records });
      return { ...topic, path, to: `${path}/delete-records` };
    };

    it('moves the earliest offset, and a repeat changes nothing', async () => {
      const { path, to, topicId } = await filled();
      for (let i = 0; i < 2; i++) {
        const deleted = await ask.json('POST', to, { topicId, partitions: [{ partition: 0, offset: 2 }] });
        expect(deleted).toMatchObject({
          status: 200,
          json: { topicId, partitions: [{ partition: 0, logStartOffset: 2 }] },
        });
      }
      const below = await ask.json('POST', to, { partitions: [{ partition: 0, offset: 1 }] });
      expect(below.json.partitions).toEqual([{ partition: 0, logStartOffset: 2 }]);
      expect((await ask.get(`${path}/partitions/0/records?offset=1`)).json).toMatchObject({
        status: 416,
        errorCode: 'OFFSET_OUT_OF_RANGE',
        logStartOffset: 2,
      });
      const left = (await ask.get(`${path}/partitions/0/records?offset=2`)).json;
      expect(left.records).toMatchObject([{ offset: 2, value: 'c' }]);
      expect((await ask.get(path)).json.partitionDetails[0]).toMatchObject({ earliest: 2, latest: 3 });
    });

    it('with -1 leaves nothing', async () => {
      const { path, to } = await filled();
      const deleted = await ask.json('POST', to, {
        partitions: [
          { partition: 1, offset: -1 },
          { partition: 0, offset: -1 },
        ],
      });
      expect(deleted.json.partitions).toEqual([
        { partition: 1, logStartOffset: 0 },
        { partition: 0, logStartOffset: 3 },
      ]);
      expect((await ask.get(path)).json.partitionDetails[0]).toMatchObject({ earliest: 3, latest: 3, bytes: 0 });
    });

    it('refuses a partition and does the others', async () => {
      const { to } = await filled();
      const partitions = [
        { partition: 0, offset: 4 },
        { partition: 1, offset: 0 },
        { partition: 2, offset: 0 },
      ];
      const { status, json } = await ask.json('POST', to, { partitions });
      expect(status).toBe(200);
      expect(json.partitions).toMatchObject([
        {
          partition: 0,
          error: { errorCode: 'OFFSET_OUT_OF_RANGE', kafkaErrorCode: 1, highWatermark: 3, outcome: 'not-written' },
        },
        { partition: 1, logStartOffset: 0 },
        { partition: 2, error: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } },
      ]);
      expect(await ask.json('POST', to, { partitions: partitions.slice(0, 1) })).toMatchObject({ status: 416 });
    });

    it('is refused by a topic that is only compacted', async () => {
      const { to } = await filled({ 'cleanup.policy': 'compact' });
      expect((await ask.json('POST', to, { partitions: [{ partition: 0, offset: 1 }] })).json).toMatchObject({
        ...{ status: 409, errorCode: 'POLICY_VIOLATION', kafkaErrorCode: 44, outcome: 'not-written' },
        detail: expect.stringContaining('cleanup.policy'),
      });
    });

    it.each([
      ['no partition', { partitions: [] }, 'body.partitions: expected at least 1'],
      [
        'a partition twice',
        { partitions: Array(2).fill({ partition: 0, offset: 1 }) },
        'body.partitions[1]: expected each partition once',
      ],
      [
        'an offset below -1',
        { partitions: [{ partition: 0, offset: -2 }] },
        'body.partitions[0].offset: expected a whole number from -1',
      ],
      ['an offset as text', { partitions: [{ partition: 0, offset: '1' }] }, 'body.partitions[0].offset: expected'],
      ['another field', { partitions: [{ partition: 0, offset: 1 }], all: true }, 'body.all'],
    ])('refuses %s', async (_, body, detail) => {
      const { to } = await filled();
      const refused = await ask.json('POST', to, body);
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
      expect(refused.json.detail).toContain(detail);
    });

    it('tells what maintenance has made of each partition, if it is asked', async () => {
      const { path } = await filled({ 'cleanup.policy': 'compact' });
      const [described] = (await ask.get(`${path}?storage=true`)).json.partitionDetails;
      expect(described).toMatchObject({ partition: 0, storage: { dirtyRatio: expect.any(Number) } });
      expect((await ask.get(`${path}?storage=false`)).json.partitionDetails[0]).not.toHaveProperty('storage');
      expect((await ask.get(`${path}?storage=yes`)).json).toMatchObject({
        detail: 'query.storage: expected true or false, got "yes"',
      });
    });
  });
}
