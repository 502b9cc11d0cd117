import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { encodeProduceFrames } from '../../lib/record/frames.ts';
import { type Ask, batchOf, freshName } from './target.ts';

export function segmentsConformance(ask: Ask): void {
  const segmentsOf = async (path: string, query = '', partition = 0) =>
    (await ask.get(`${path}/partitions/${partition}/segments${query}`)).json;
  const bytesOf = (path: string, offset: number, query = '', partition = 0) =>
    ask.get(`${path}/partitions/${partition}/segments/${offset}${query}`);
  const sizeOf = (batch: Uint8Array) => batch.length;

  /** One request writes one object for both partitions. */
  async function twoPartitions() {
    const { path, topicId } = await ask.topic(2, { 'retention.ms': '-1' });
    const [mine, other] = [batchOf(['mine']), batchOf(['a secret of the other partition', 'b'])];
    const frames = [
      { partition: 0, batches: mine },
      { partition: 1, batches: other },
    ];
    expect((await ask.frames(`${path}/records`, encodeProduceFrames(frames))).status).toBe(200);
    return { path, topicId, mine, other };
  }

  describe('segments', () => {
    it('tell where records are stored, a page at a time', async () => {
      const { path, topicId } = await ask.topic(1);
      expect(await segmentsOf(path)).toEqual({
        ...{ topicId, partition: 0, segments: [] },
        ...{ logStartOffset: 0, mergedOffset: 0, tailOffset: 0, highWatermark: 0 },
      });
      const batches = [batchOf(['a']), batchOf(['b', 'c']), batchOf(['d'])];
      for (const batch of batches)
        await ask.frames(`${path}/records`, encodeProduceFrames([{ partition: 0, batches: batch }]));
      const first = await segmentsOf(path, '?limit=2');
      const common = { kind: 'ingest', maxTimestamp: 1_700_000_000_000, position: expect.any(Number) };
      expect(first).toMatchObject({ highWatermark: 4, nextOffset: 3, segments: [common, common] });
      expect(first.segments).toMatchObject([
        { baseOffset: 0, endOffset: 1, records: 1, bytes: sizeOf(batches[0]!) },
        { baseOffset: 1, endOffset: 3, records: 2, bytes: sizeOf(batches[1]!) },
      ]);
      expect(first.segments[0].object).toMatch(new RegExp(`^[0-9a-f]{2}/${topicId}/ingest/[0-9a-f]{22}$`));
      expect(first.segments[0].createdAt % 3_600_000).toBe(0);
      const second = await segmentsOf(path, '?from=3&limit=2');
      expect(second.segments).toMatchObject([{ baseOffset: 3, endOffset: 4 }]);
      expect(second).not.toHaveProperty('nextOffset');
      expect((await segmentsOf(path, '?from=2&limit=1')).segments).toMatchObject([{ baseOffset: 1 }]);
      expect((await segmentsOf(path, '?from=99')).segments).toEqual([]);
    });

    it('give the bytes of their own partition, and none of the others in the object', async () => {
      const { path, topicId, mine, other } = await twoPartitions();
      const [[own], [foreign]] = [(await segmentsOf(path)).segments, (await segmentsOf(path, '', 1)).segments];
      expect(own.object).toBe(foreign.object);
      const read = await bytesOf(path, 0);
      expect(read.headers).toMatchObject({
        ...{ 'content-type': 'application/octet-stream', 'rivulet-topic-id': topicId },
        ...{ 'rivulet-segment-object': own.object, 'rivulet-segment-bytes': String(mine.length) },
      });
      expect(Buffer.compare(read.body, mine)).toBe(0);
      expect(Buffer.compare((await bytesOf(path, 1, '', 1)).body, other)).toBe(0);
      const query = `?object=${encodeURIComponent(own.object)}`;
      expect(Buffer.compare((await bytesOf(path, 0, `${query}&fromByte=5`)).body, mine.subarray(5))).toBe(0);
      expect((await bytesOf(path, 0, `?fromByte=${mine.length + 1}`)).body.length).toBe(0);
      const head = await ask.send({ method: 'HEAD', path: `${path}/partitions/0/segments/0` });
      expect([head.status, head.body.length]).toEqual([200, 0]);
    });

    it('are log segments after maintenance', async () => {
      const { path, mine } = await twoPartitions();
      const before = (await segmentsOf(path)).segments[0].object;
      // The newest appends stay in the tail, which no merge takes.
      const more = encodeProduceFrames([{ partition: 0, batches: batchOf(['x']) }]);
      for (let i = 0; i < 60; i++) await ask.frames(`${path}/records`, more);
      await ask.json('POST', `${path}/maintenance`, { full: true });
      for (const endMs = Date.now() + 25_000; (await ask.get(`${path}/maintenance`)).json.state !== 'done'; ) {
        expect(Date.now()).toBeLessThan(endMs);
        await sleep(100);
      }
      const { segments, mergedOffset } = await segmentsOf(path);
      const [first] = segments;
      expect(first).toMatchObject({ baseOffset: 0, records: first.endOffset });
      expect((await bytesOf(path, 0)).body.length).toBe(first.bytes);
      // In a deployment the merge waits, because functions of an older version may still be at work.
      const isMerged = mergedOffset > 0;
      expect(first.kind).toBe(isMerged ? 'log' : 'ingest');
      if (!isMerged) return;
      expect(first.bytes).toBeGreaterThan(mine.length);
      const moved = await bytesOf(path, 0, `?object=${encodeURIComponent(before)}`);
      expect(moved.json).toMatchObject({ status: 404, errorCode: 'NOT_FOUND' });
      expect(moved.json.detail).toContain('list the segments again');
    });

    it('of small appends are items of the table', async () => {
      const { path } = await ask.topic(1, { 'rivulet.inline.max.bytes': '4096' });
      const batch = batchOf(['small']);
      await ask.frames(`${path}/records`, encodeProduceFrames([{ partition: 0, batches: batch }]));
      expect((await segmentsOf(path)).segments).toMatchObject([{ kind: 'inline', bytes: batch.length, position: 0 }]);
      expect(Buffer.compare((await bytesOf(path, 0)).body, batch)).toBe(0);
      expect(Buffer.compare((await bytesOf(path, 0, '?fromByte=7')).body, batch.subarray(7))).toBe(0);
    });

    it('begin at the log start, and nothing is given below it or beyond the end', async () => {
      const { path } = await ask.topic(1);
      await ask.frames(`${path}/records`, encodeProduceFrames([{ partition: 0, batches: batchOf(['a', 'b', 'c']) }]));
      await ask.json('POST', `${path}/delete-records`, { partitions: [{ partition: 0, offset: 2 }] });
      expect(await segmentsOf(path)).toMatchObject({ logStartOffset: 2, segments: [{ baseOffset: 0, endOffset: 3 }] });
      for (const offset of [1, 3])
        expect((await bytesOf(path, offset)).json).toMatchObject({
          ...{ errorCode: 'OFFSET_OUT_OF_RANGE', logStartOffset: 2, highWatermark: 3 },
        });
    });

    it.each([
      ['?limit=0', 'query.limit'],
      ['?limit=1001', 'query.limit'],
      ['?from=-1', 'query.from'],
      ['?after=1', 'after'],
    ])('refuse the query %s', async (query, named) => {
      const { path } = await ask.topic();
      const json = await segmentsOf(path, query);
      expect(json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST' });
      expect(json.detail).toContain(named);
    });

    it('refuse names of objects that cannot be, and paths of other shapes', async () => {
      const { path } = await ask.topic();
      for (const object of ['..%2F..%2Fetc', 'a%20b', 'x'.repeat(201)])
        expect((await bytesOf(path, 0, `?object=${object}`)).json).toMatchObject({ status: 400 });
      expect((await ask.get(`${path}/partitions/0/segments/-1`)).json).toMatchObject({ status: 400 });
      expect((await ask.get(`${path}/partitions/0/segments/`)).json).toMatchObject({ status: 404 });
      expect((await ask.get(`${path}/partitions/0/segments`, { accept: 'text/html' })).status).toBe(406);
      expect((await ask.get(`${path}/partitions/0/segments/0`, { accept: 'application/json' })).status).toBe(406);
    });

    it('of an unknown topic or partition are refused', async () => {
      const { path } = await ask.topic(1);
      for (const unknown of [`${path}/partitions/1`, `/v1/topics/${freshName()}/partitions/0`])
        for (const rest of ['/segments', '/segments/0'])
          expect((await ask.get(`${unknown}${rest}`)).json).toMatchObject({
            ...{ status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' },
          });
    });
  });
}
