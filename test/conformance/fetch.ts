import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { decodeBatch } from '../../lib/record/batch.ts';
import { splitBatches } from '../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames } from '../../lib/record/frames.ts';
import { unreadable } from '../fixtures/unreadable-batch.ts';
import { type Ask, batchOf, frameOf, type Reply } from './target.ts';

const BINARY = { accept: BATCHES_MEDIA_TYPE };
const values = (reply: Reply) => reply.json.records.map(({ value }: { value: unknown }) => value);

function recordsOf(batches: Uint8Array) {
  return splitBatches(batches).flatMap(({ from }) => decodeBatch(batches, from).records);
}

export function fetchConformance(ask: Ask): void {
  describe('fetch', () => {
    it('answers several partitions, also empty ones, in the order of the request', async () => {
      const { path, topicId } = await ask.topic(3);
      await ask.frames(`${path}/records`, frameOf(1, batchOf(['a', 'b'])));
      const partitions = [2, 1].map((partition) => ({ partition, offset: 0 }));
      const fetched = await ask.json('POST', `${path}/fetch`, { topicId, partitions });
      expect(fetched.headers['rivulet-topic-id']).toBe(topicId);
      expect(fetched.json.partitions).toMatchObject([
        { partition: 2, highWatermark: 0, logStartOffset: 0, nextOffset: 0, records: [] },
        { partition: 1, highWatermark: 2, logStartOffset: 0, nextOffset: 2, records: [{ value: 'a' }, { value: 'b' }] },
      ]);
    });

    it('gives whole batches as frames, with their offsets in the log', async () => {
      const { path, topicId } = await ask.topic(2);
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a', 'b'])));
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['c', 'd'], { compression: 'zstd' })));
      const partitions = [
        { partition: 0, offset: 3 },
        { partition: 1, offset: 0 },
      ];
      const fetched = await ask.json('POST', `${path}/fetch`, { partitions }, BINARY);
      expect(fetched).toMatchObject({
        status: 200,
        headers: { 'content-type': BATCHES_MEDIA_TYPE, 'rivulet-topic-id': topicId },
      });
      const [first, second] = decodeFetchFrames(fetched.body);
      expect(first).toMatchObject({ partition: 0, errorCode: 0, highWatermark: 4, logStartOffset: 0 });
      expect(recordsOf(first!.batches).map(({ offset }) => offset)).toEqual([2, 3]);
      expect(second).toMatchObject({ partition: 1, errorCode: 0, highWatermark: 0 });
      expect(second!.batches).toHaveLength(0);
    });

    it('leaves records below the offset out of a JSON reply', async () => {
      const { path } = await ask.topic();
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a', 'b', 'c'])));
      const fetched = await ask.get(`${path}/partitions/0/records?offset=1`);
      expect(values(fetched)).toEqual(['b', 'c']);
      expect(fetched.json.nextOffset).toBe(3);
    });

    it('gives at least one batch, however small maxBytes', async () => {
      const { path } = await ask.topic();
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a', 'b'])));
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['c'])));
      expect(values(await ask.get(`${path}/partitions/0/records?maxBytes=1`))).toEqual(['a', 'b']);
    });

    it('puts errors beside records, also in frames', async () => {
      const { path } = await ask.topic(1);
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a'])));
      const partitions = [
        { partition: 0, offset: 9 },
        { partition: 5, offset: 0 },
      ];
      const fetched = await ask.json('POST', `${path}/fetch`, { partitions });
      expect(fetched.status).toBe(200);
      expect(fetched.json.partitions).toMatchObject([
        { partition: 0, error: { errorCode: 'OFFSET_OUT_OF_RANGE', logStartOffset: 0, highWatermark: 1 } },
        { partition: 5, error: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } },
      ]);
      expect(fetched.json.partitions[0].error).not.toHaveProperty('outcome');
      const frames = decodeFetchFrames((await ask.json('POST', `${path}/fetch`, { partitions }, BINARY)).body);
      expect(frames).toEqual([
        { partition: 0, errorCode: 1, highWatermark: 1, logStartOffset: 0, batches: Buffer.alloc(0) },
        { partition: 5, errorCode: 3, highWatermark: -1, logStartOffset: -1, batches: Buffer.alloc(0) },
      ]);
    });

    it('of one partition is a 416 outside the log', async () => {
      const { path } = await ask.topic();
      expect((await ask.get(`${path}/partitions/0/records?offset=1`)).json).toMatchObject({
        status: 416,
        errorCode: 'OFFSET_OUT_OF_RANGE',
        logStartOffset: 0,
        highWatermark: 0,
      });
    });

    it('of a partition that does not exist is a 404', async () => {
      const { path } = await ask.topic();
      for (const query of ['', '?offset=0', '?timestamp=5'])
        expect((await ask.get(`${path}/partitions/1/records${query}`)).json).toMatchObject({
          status: 404,
          errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
        });
    });

    it('starts at a time, and after the last record if no record is as late', async () => {
      const { path } = await ask.topic();
      const records = [10, 20, 30].map((timestamp) => ({ value: timestamp, timestamp }));
      for (const record of records) await ask.json('POST', `${path}/records`, { records: [record] });
      expect(values(await ask.get(`${path}/partitions/0/records?timestamp=15`))).toEqual(['20', '30']);
      const behind = await ask.get(`${path}/partitions/0/records?timestamp=31`);
      expect(behind.json).toMatchObject({ records: [], nextOffset: 3 });
    });

    it('returns the batches of one partition as one frame', async () => {
      const { path } = await ask.topic();
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['a'])));
      const [frame, ...more] = decodeFetchFrames((await ask.get(`${path}/partitions/0/records`, BINARY)).body);
      expect(more).toEqual([]);
      expect(recordsOf(frame!.batches)).toHaveLength(1);
    });
  });

  describe('a JSON reply that would be too large', () => {
    it('stops inside a batch and continues at nextOffset', async () => {
      const { path } = await ask.topic();
      // These records are small when compressed. As JSON they have 9 MB, more than any reply takes.
      const sent = Array.from({ length: 30 }, (_, index) => `${index}:`.padEnd(300_000, 'x'));
      await ask.frames(`${path}/records`, frameOf(0, batchOf(sent, { compression: 'gzip' })));
      const read: string[] = [];
      let offset = 0;
      let replies = 0;
      while (offset < 30) {
        const page = await ask.get(`${path}/partitions/0/records?offset=${offset}`);
        expect(page.body.length).toBeLessThan(4.5 * 1024 * 1024);
        expect(page.json.nextOffset).toBeGreaterThan(offset);
        read.push(...values(page));
        offset = page.json.nextOffset;
        replies++;
      }
      expect(read).toEqual(sent);
      expect(replies).toBe(3);
    });

    it('leaves later partitions for the next fetch', async () => {
      const { path } = await ask.topic(2);
      const large = batchOf([`${'x'.repeat(3_000_000)}`], { compression: 'gzip' });
      await ask.frames(`${path}/records`, frameOf(0, large));
      await ask.frames(`${path}/records`, frameOf(1, large));
      const partitions = [0, 1].map((partition) => ({ partition, offset: 0 }));
      const fetched = (await ask.json('POST', `${path}/fetch`, { partitions })).json.partitions;
      expect(fetched[0]).toMatchObject({ nextOffset: 1, highWatermark: 1 });
      expect(fetched[1]).toMatchObject({ nextOffset: 0, highWatermark: 1, records: [] });
    });

    it('says to use the binary format for a record that does not fit into any JSON reply', async () => {
      const { path } = await ask.topic();
      await ask.frames(
        `${path}/records`,
        frameOf(0, batchOf(['small', '\u0001'.repeat(1_000_000)], { compression: 'gzip' })),
      );
      const first = await ask.get(`${path}/partitions/0/records`);
      expect([values(first), first.json.nextOffset]).toEqual([['small'], 1]);
      const second = await ask.get(`${path}/partitions/0/records?offset=1`);
      expect(second.json).toMatchObject({ status: 413, errorCode: 'MESSAGE_TOO_LARGE', offset: 1 });
      expect(second.json.detail).toContain(BATCHES_MEDIA_TYPE);
      const binary = await ask.get(`${path}/partitions/0/records?offset=1`, BINARY);
      expect(recordsOf(decodeFetchFrames(binary.body)[0]!.batches)[1]?.value).toHaveLength(1_000_000);
    });
  });

  describe('a batch that cannot be unpacked', () => {
    it('is an error that says where to continue, after the records before it', async () => {
      const { path } = await ask.topic();
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['good'])));
      await ask.frames(`${path}/records`, frameOf(0, unreadable(batchOf(['value']))));
      await ask.frames(`${path}/records`, frameOf(0, batchOf(['behind'])));
      const first = await ask.get(`${path}/partitions/0/records`);
      expect([values(first), first.json.nextOffset]).toEqual([['good'], 1]);
      const second = await ask.get(`${path}/partitions/0/records?offset=1`);
      const problem = { status: 400, errorCode: 'CORRUPT_MESSAGE', kafkaErrorCode: 2, offset: 1, nextOffset: 2 };
      expect(second.json).toMatchObject(problem);
      expect(second.json.detail).toMatch(/^The batch at offset 1 cannot be unpacked, because its producer wrote it so/);
      const several = await ask.json('POST', `${path}/fetch`, { partitions: [{ partition: 0, offset: 1 }] });
      expect(several.json.partitions).toMatchObject([{ partition: 0, error: problem }]);
      const binary = await ask.get(`${path}/partitions/0/records?offset=1`, BINARY);
      expect(binary.status).toBe(200);
      expect(values(await ask.get(`${path}/partitions/0/records?offset=2`))).toEqual(['behind']);
    });
  });

  describe('a long poll', () => {
    it('answers as soon as there is a record', async () => {
      const { path } = await ask.topic(2);
      const partitions = [0, 1].map((partition) => ({ partition, offset: 0 }));
      const waiting = ask.json('POST', `${path}/fetch`, { partitions, waitMs: 20_000 });
      await pause(100);
      await ask.json('POST', `${path}/partitions/1/records`, { records: [{ value: 'news' }] });
      const written = performance.now();
      expect((await waiting).json.partitions[1]).toMatchObject({ records: [{ value: 'news' }] });
      expect(performance.now() - written).toBeLessThan(10_000);
    });

    it('answers without records when its time is over', async () => {
      const { path } = await ask.topic();
      const started = performance.now();
      const waited = await ask.get(`${path}/partitions/0/records?offset=0&waitMs=300`);
      expect(performance.now() - started).toBeGreaterThanOrEqual(290);
      expect(waited.json).toMatchObject({ records: [], nextOffset: 0, highWatermark: 0 });
    });

    it('waits for minBytes', async () => {
      const { path } = await ask.topic();
      await ask.json('POST', `${path}/records`, { records: [{ value: 'little' }] });
      const body = { partitions: [{ partition: 0, offset: 0 }], minBytes: 100_000, waitMs: 300 };
      const started = performance.now();
      const fetched = await ask.json('POST', `${path}/fetch`, body);
      expect(performance.now() - started).toBeGreaterThanOrEqual(290);
      expect(fetched.json.partitions[0].records).toHaveLength(1);
    });
  });
}
