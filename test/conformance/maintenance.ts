// Maintenance over HTTP. The passes run wherever the endpoint runs them, so the tests wait for them.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Ask, batchOf, frameOf, freshName } from './target.ts';

const waitMs = 25_000;

export function maintenanceConformance(ask: Ask): void {
  /** Polls until the pass has ended. */
  async function ended(path: string, passId: string) {
    for (const endMs = Date.now() + waitMs; ; ) {
      const { json } = await ask.get(`${path}/maintenance`);
      expect(json.passId).toBe(passId);
      if (json.state === 'done' || json.state === 'failed') return json;
      expect(Date.now()).toBeLessThan(endMs);
      await sleep(100);
    }
  }

  async function maintained(path: string, options = {}) {
    const started = await ask.json('POST', `${path}/maintenance`, options);
    return ended(path, started.json.passId);
  }

  describe('maintenance', () => {
    it('of a topic is requested, runs, and is reported', async () => {
      const { path } = await ask.topic(2);
      const started = await ask.json('POST', `${path}/maintenance`, { full: true });
      expect(started).toMatchObject({ status: 202, json: { full: true, dryRun: false, confirmRetention: false } });
      const pass = await ended(path, started.json.passId);
      expect(pass).toMatchObject({ state: 'done', donePartitions: 2, partitions: 2 });
      expect(pass.report).toMatchObject({ partitions: 2, damaged: 0, damage: [], notes: [] });
    });

    it('leaves the records that the topic keeps', async () => {
      const { path } = await ask.topic(1, { 'retention.ms': '-1' });
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a', 'b'])));
      await maintained(path);
      const { json } = await ask.get(`${path}/partitions/0/records?offset=0`);
      expect(json.records.map(({ value }: { value: string }) => value)).toEqual(['a', 'b']);
    });

    it('removes the records that have expired, unless it is a dry run', async () => {
      // The records of batchOf are years old.
      const { path } = await ask.topic(1, { 'retention.ms': '60000' });
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a', 'b'])));
      const earliest = async () => (await ask.get(`${path}/offsets?at=earliest`)).json.partitions[0].offset;
      expect((await maintained(path, { dryRun: true })).report.counts).toMatchObject({ expiredRecords: 2 });
      expect(await earliest()).toBe(0);
      expect((await maintained(path)).report.counts).toMatchObject({ expiredRecords: 2 });
      expect(await earliest()).toBe(2);
    });

    it('that was never requested is not found', async () => {
      const { path } = await ask.topic();
      const { json } = await ask.get(`${path}/maintenance`);
      expect(json).toMatchObject({ status: 404, errorCode: 'NOT_FOUND' });
    });

    it('of an unknown topic is refused', async () => {
      const path = `/v1/topics/${freshName()}/maintenance`;
      for (const reply of [await ask.get(path), await ask.json('POST', path, {})])
        expect(reply.json).toMatchObject({ status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    });

    it.each([
      [{ full: 1 }, 'body.full'],
      [{ partitions: [0] }, 'partitions'],
    ])('refuses the body %j', async (body, named) => {
      const { path } = await ask.topic();
      const { json } = await ask.json('POST', `${path}/maintenance`, body);
      expect(json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
      expect(json.detail).toContain(named);
    });

    it('of all topics is requested once, however many ask', async () => {
      const replies = await Promise.all([1, 2].map(() => ask.json('POST', '/v1/maintenance', { dryRun: true })));
      for (const { status } of replies) expect(status).toBe(202);
      const { json } = await ask.get('/v1/maintenance');
      expect(replies.map((reply) => reply.json.passId)).toContain(json.passId);
    });
  });
}
