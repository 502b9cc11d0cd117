import { describe, expect, it } from 'vitest';
import { type Ask, batchOf, frameOf } from './target.ts';

export function offsetsConformance(ask: Ask): void {
  describe('offsets', () => {
    const at = async (path: string, query: string) => (await ask.get(`${path}/offsets?${query}`)).json;

    it('are the ends of every partition', async () => {
      const { path, topicId } = await ask.topic(2);
      await ask.frames(`${path}/records`, frameOf(1, batchOf(['a', 'b'])));
      expect(await at(path, 'at=latest')).toMatchObject({ topicId, partitions: [{ offset: 0 }, { offset: 2 }] });
      expect(await at(path, 'at=earliest')).toMatchObject({ partitions: [{ offset: 0 }, { offset: 0 }] });
    });

    it('are the first at or after a time, or -1', async () => {
      const { path } = await ask.topic();
      const records = [10, 20, 30].map((timestamp) => ({ value: timestamp, timestamp }));
      await ask.json('POST', `${path}/records`, { records });
      expect((await at(path, 'at=20')).partitions).toEqual([{ partition: 0, offset: 1, timestamp: 20 }]);
      expect((await at(path, 'at=21')).partitions).toEqual([{ partition: 0, offset: 2, timestamp: 30 }]);
      expect((await at(path, 'at=31')).partitions).toEqual([{ partition: 0, offset: -1, timestamp: -1 }]);
    });

    it('are the first with the greatest timestamp, or -1', async () => {
      const { path } = await ask.topic(2);
      const records = [10, 30, 20, 30].map((timestamp) => ({ partition: 0, value: timestamp, timestamp }));
      await ask.json('POST', `${path}/records`, { records });
      expect((await at(path, 'at=maxTimestamp')).partitions).toEqual([
        { partition: 0, offset: 1, timestamp: 30 },
        { partition: 1, offset: -1, timestamp: -1 },
      ]);
    });

    it.each([
      ['1', [1]],
      ['1-2', [1, 2]],
    ])('are those of partitions %s', async (partitions, expected) => {
      const { path } = await ask.topic(4);
      const found = (await at(path, `at=latest&partitions=${partitions}`)).partitions;
      expect(found.map((one: { partition: number }) => one.partition)).toEqual(expected);
    });

    it('of a partition that does not exist are a 404', async () => {
      const { path } = await ask.topic(2);
      expect(await at(path, 'at=latest&partitions=1-2')).toMatchObject({ status: 404 });
      expect(await at('/v1/topics/no-such-topic', 'at=latest')).toMatchObject({ status: 404 });
    });
  });

  describe('producers', () => {
    it('have ids that are all different', async () => {
      const ask1 = () => ask.send({ method: 'POST', path: '/v1/producers' });
      const made = await Promise.all([ask1(), ask1(), ask1()]);
      expect(made.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(new Set(made.map(({ json }) => json.producerId)).size).toBe(3);
      expect(made.map(({ json }) => json.epoch)).toEqual([0, 0, 0]);
    });
  });

  describe('a receipt', () => {
    const cost = { 'rivulet-cost': 'on' };

    it('says what an append asked of the storage', async () => {
      const { path } = await ask.topic();
      const body = { records: [{ value: 'x' }] };
      await ask.json('POST', `${path}/records`, body);
      const receipt = (await ask.json('POST', `${path}/records`, body, cost)).headers['rivulet-cost'];
      expect(receipt).toMatch(/^s3-put=1, s3-get=0, s3-list=0, dynamodb-read-units=[0-9.]+, dynamodb-write-units=1, /);
      expect(receipt).toMatch(/bytes-in=[1-9][0-9]+, bytes-out=0, s3-hedges=0, usd=0\.00000[0-9]+$/);
    });

    it('comes with errors too, and only on request', async () => {
      const asked = await ask.get('/v1/topics/no-such-topic', cost);
      expect(asked.status).toBe(404);
      expect(asked.headers['rivulet-cost']).toMatch(/^s3-put=0, .*dynamodb-read-units=/);
      expect((await ask.get('/v1/topics/no-such-topic')).headers).not.toHaveProperty('rivulet-cost');
    });
  });

  describe('the API describes itself', () => {
    it('with its health', async () => {
      expect(await ask.get('/v1/health')).toMatchObject({ status: 200, json: { status: 'ok' } });
    });

    it('with a document', async () => {
      const { json } = await ask.get('/openapi.json');
      expect(json.openapi).toMatch(/^3\.1/);
      expect(json.paths['/v1/topics/{topic}/fetch'].post.operationId).toBe('fetch');
    });
  });
}
