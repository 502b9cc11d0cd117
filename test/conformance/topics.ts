import { describe, expect, it } from 'vitest';
import { type Ask, freshName } from './target.ts';

export function topicsConformance(ask: Ask): void {
  describe('topics', () => {
    it('are created, described, listed and deleted', async () => {
      const { topic, topicId, path } = await ask.topic(3);
      const described = await ask.get(path);
      expect(described.json).toMatchObject({ topic, topicId, partitions: 3 });
      expect(described.json.partitionDetails).toEqual(
        [0, 1, 2].map((partition) => ({ partition, earliest: 0, latest: 0, bytes: 0 })),
      );
      const listed = await ask.get(`/v1/topics?after=${topic.slice(0, -1)}&limit=1000`);
      expect(listed.json.topics).toContainEqual(expect.objectContaining({ topic, topicId, partitions: 3 }));
      expect((await ask.json('DELETE', path)).status).toBe(204);
      expect((await ask.get(path)).json).toMatchObject({ status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    });

    it('have one partition by default', async () => {
      const made = await ask.json('PUT', `/v1/topics/${freshName()}`, {});
      expect(made).toMatchObject({ status: 201, json: { partitions: 1 } });
      expect(made.json).not.toHaveProperty('partitionDetails');
    });

    it('are created once', async () => {
      const { path } = await ask.topic();
      expect((await ask.json('PUT', path, {})).json).toMatchObject({
        status: 409,
        errorCode: 'TOPIC_ALREADY_EXISTS',
        outcome: 'not-written',
      });
    });

    it('mark configuration values that are not the default', async () => {
      const { path } = await ask.topic(1, { 'retention.ms': '60000' });
      const { config } = (await ask.get(path)).json;
      expect(config).toContainEqual(
        expect.objectContaining({ name: 'retention.ms', value: '60000', isDefault: false }),
      );
      expect(config).toContainEqual(expect.objectContaining({ name: 'max.message.bytes', isDefault: true }));
    });

    it('change their configuration, and null restores the default', async () => {
      const { path } = await ask.topic(1, { 'retention.ms': '60000' });
      const valueNow = async () =>
        (await ask.get(path)).json.config.find(({ name }: { name: string }) => name === 'retention.ms');
      expect((await ask.json('PATCH', path, { config: { 'retention.ms': '120000' } })).status).toBe(200);
      expect(await valueNow()).toMatchObject({ value: '120000', isDefault: false });
      await ask.json('PATCH', path, { config: { 'retention.ms': null } });
      expect(await valueNow()).toMatchObject({ isDefault: true });
    });

    it.each([
      ['PUT', '"x"'],
      ['PATCH', '"x"'],
      ['PATCH', 'null'],
    ])('refuse an unknown configuration: %s of %s', async (method, value) => {
      const { path } = await ask.topic();
      for (const name of ['__proto__', 'constructor', 'toString', 'no.such', '']) {
        const target = method === 'PUT' ? `/v1/topics/${freshName()}` : path;
        const refused = await ask.json(method, target, `{"config":{"${name}":${value}}}`);
        expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_CONFIG', outcome: 'not-written' });
        expect(refused.json.detail).toContain(name);
        if (method === 'PUT') expect((await ask.get(target)).status).toBe(404);
      }
    });

    it('refuse text that UTF-8 cannot hold', async () => {
      const name = 'follower.replication.throttled.replicas';
      const refused = await ask.json('PUT', `/v1/topics/${freshName()}`, `{"config":{"${name}":"*\\ud800"}}`);
      expect(refused.json).toMatchObject({
        status: 400,
        detail: `body.config.${name}: expected text in valid Unicode, got a lone surrogate at character 2`,
      });
    });

    it('can only gain partitions', async () => {
      const { path } = await ask.topic(2);
      expect((await ask.json('PATCH', path, { partitions: 4 })).json).toMatchObject({ partitions: 4 });
      expect((await ask.json('PATCH', path, { partitions: 3 })).json).toMatchObject({
        status: 400,
        errorCode: 'INVALID_PARTITIONS',
      });
      expect((await ask.get(path)).json.partitionDetails).toHaveLength(4);
    });

    it.each([0, -1, 1.5, 10_001])('cannot have %d partitions', async (partitions) => {
      const refused = await ask.json('PUT', `/v1/topics/${freshName()}`, { partitions });
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_PARTITIONS', outcome: 'not-written' });
      expect(refused.json.detail).toContain(String(partitions));
    });

    it.each([
      ['retention.ms', 'soon'],
      ['no.such.config', '1'],
      ['max.message.bytes', '99999999'],
    ])('refuse %s = %s', async (name, value) => {
      const refused = await ask.json('PUT', `/v1/topics/${freshName()}`, { config: { [name]: value } });
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_CONFIG' });
      expect(refused.json.detail).toContain(name);
    });

    it('describe their partitions page by page', async () => {
      const { path } = await ask.topic(5);
      const first = await ask.get(`${path}?partitionsFrom=0&partitionsLimit=3`);
      expect(first.json.partitionDetails.map((one: { partition: number }) => one.partition)).toEqual([0, 1, 2]);
      expect(first.json.nextPartition).toBe(3);
      const second = await ask.get(`${path}?partitionsFrom=3&partitionsLimit=3`);
      expect(second.json.partitionDetails.map((one: { partition: number }) => one.partition)).toEqual([3, 4]);
      expect(second.json).not.toHaveProperty('nextPartition');
    });

    it('are listed page by page', async () => {
      const made = [await ask.topic(), await ask.topic(), await ask.topic()].map(({ topic }) => topic).sort();
      const seen: string[] = [];
      let after = made[0]!.slice(0, -1);
      for (;;) {
        const page = (await ask.get(`/v1/topics?after=${after}&limit=2`)).json;
        expect(page.topics.length).toBeLessThanOrEqual(2);
        seen.push(...page.topics.map(({ topic }: { topic: string }) => topic));
        if (page.nextAfter === undefined) break;
        after = page.nextAfter;
      }
      expect(seen).toEqual([...new Set(seen)].sort());
      expect(seen).toEqual(expect.arrayContaining(made));
    });

    it('that are re-created under a name are different topics', async () => {
      const { path, topicId } = await ask.topic();
      await ask.json('POST', `${path}/records`, { records: [{ value: 'old' }] });
      await ask.json('DELETE', path);
      const again = await ask.json('PUT', path, {});
      expect(again.json.topicId).not.toBe(topicId);
      const answers = [
        await ask.json('POST', `${path}/records`, { topicId, records: [{ value: 'late' }] }),
        await ask.json('POST', `${path}/fetch`, { topicId, partitions: [{ partition: 0, offset: 0 }] }),
      ];
      for (const answer of answers)
        expect(answer.json).toMatchObject({ status: 409, errorCode: 'INCONSISTENT_TOPIC_ID' });
      expect((await ask.get(`${path}/partitions/0/records`)).json).toMatchObject({ highWatermark: 0, records: [] });
    });
  });
}
