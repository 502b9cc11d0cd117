import { describe, expect, it } from 'vitest';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { field } from '../../lib/record/batch-header.ts';
import { encodeProduceFrames } from '../../lib/record/frames.ts';
import { type Ask, batchOf, frameOf, type Reply } from './target.ts';

const values = (reply: Reply) => reply.json.records.map(({ value }: { value: unknown }) => value);

/**
 * A batch with one field changed. The CRC stays as it was, unless the field lies before the bytes that the CRC covers.
 */
function damaged(change: (view: DataView) => void): Uint8Array {
  const batch = batchOf(['value']);
  change(new DataView(batch.buffer, batch.byteOffset, batch.length));
  return batch;
}

/** Without a new CRC, the CRC error would hide the error that the test wants to see. */
function recrc(batch: Uint8Array): Uint8Array {
  new DataView(batch.buffer, batch.byteOffset).setUint32(field.crc, crc32c(batch, field.attributes));
  return batch;
}

export function produceBinaryConformance(ask: Ask): void {
  describe('produce of batches', () => {
    it('gives each partition its offsets', async () => {
      const { path, topicId } = await ask.topic(3);
      const frames = encodeProduceFrames([
        { partition: 2, batches: batchOf(['a', 'b']) },
        { partition: 0, batches: Buffer.concat([batchOf(['c']), batchOf(['d'], { compression: 'gzip' })]) },
      ]);
      const produced = await ask.frames(`${path}/records?topicId=${topicId}`, frames);
      expect(produced.json).toEqual({
        topicId,
        partitions: [
          { partition: 2, baseOffset: 0, lastOffset: 1, logStartOffset: 0, logAppendTime: -1 },
          { partition: 0, baseOffset: 0, lastOffset: 1, logStartOffset: 0, logAppendTime: -1 },
        ],
      });
      expect(values(await ask.get(`${path}/partitions/0/records`))).toEqual(['c', 'd']);
    });

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('takes %s', async (compression) => {
      const { path } = await ask.topic();
      const batch = batchOf(['one', 'two'], { compression });
      expect((await ask.frames(`${path}/records`, frameOf(0, batch))).status).toBe(200);
      expect(values(await ask.get(`${path}/partitions/0/records`))).toEqual(['one', 'two']);
    });

    it('stamps the time of the append where the topic is configured so', async () => {
      const { path } = await ask.topic(1, { 'message.timestamp.type': 'LogAppendTime' });
      const { logAppendTime } = (await ask.frames(`${path}/records`, frameOf(0, batchOf(['a'])))).json.partitions[0];
      expect(logAppendTime).toBeGreaterThan(1_700_000_000_000);
      const [record] = (await ask.get(`${path}/partitions/0/records`)).json.records;
      expect(record.timestamp).toBe(logAppendTime);
    });

    it('answers a repeat of an idempotent batch with its first offsets', async () => {
      const { path } = await ask.topic();
      const { producerId, epoch } = (await ask.send({ method: 'POST', path: '/v1/producers' })).json;
      const batch = (value: string, baseSequence: number) =>
        frameOf(0, batchOf([value], { producerId, producerEpoch: epoch, baseSequence }));
      await ask.frames(`${path}/records`, batch('a', 0));
      await ask.frames(`${path}/records`, batch('b', 1));
      const again = await ask.frames(`${path}/records`, batch('a', 0));
      expect(again.json.partitions[0]).toMatchObject({ baseOffset: 0, lastOffset: 0, duplicate: true });
      expect(values(await ask.get(`${path}/partitions/0/records`))).toEqual(['a', 'b']);
    });

    it('refuses a gap in the sequence', async () => {
      const { path } = await ask.topic();
      const { producerId, epoch } = (await ask.send({ method: 'POST', path: '/v1/producers' })).json;
      const produce = (baseSequence: number) =>
        ask.frames(`${path}/records`, frameOf(0, batchOf(['a'], { producerId, producerEpoch: epoch, baseSequence })));
      await produce(0);
      const refused = await produce(5);
      expect(refused.status).toBe(409);
      expect(refused.json.partitions[0].error).toMatchObject({ errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    });

    it('checks expectedOffset', async () => {
      const { path } = await ask.topic();
      const produce = (offset: number) =>
        ask.frames(`${path}/partitions/0/records?expectedOffset=${offset}`, frameOf(0, batchOf(['a'])));
      expect((await produce(1)).json.partitions[0].error).toMatchObject({
        errorCode: 'UNEXPECTED_OFFSET',
        nextOffset: 0,
      });
      expect((await produce(0)).json.partitions[0]).toMatchObject({ baseOffset: 0 });
    });
  });

  describe('a batch is refused, and nothing is written, with', () => {
    it.each([
      ['a corrupt CRC', damaged((view) => view.setUint32(field.crc, 1)), 'CORRUPT_MESSAGE'],
      ['a changed byte of a record', damaged((view) => view.setInt8(view.byteLength - 2, 0x7f)), 'CORRUPT_MESSAGE'],
      ['another magic', damaged((view) => view.setInt8(field.magic, 1)), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
      ['a length beyond the frame', damaged((view) => view.setInt32(field.length, 10_000)), 'CORRUPT_MESSAGE'],
      ['a negative length', damaged((view) => view.setInt32(field.length, -1)), 'CORRUPT_MESSAGE'],
      ['a cut', batchOf(['value']).subarray(0, -1), 'CORRUPT_MESSAGE'],
      ['less than a header', batchOf(['value']).subarray(0, 60), 'CORRUPT_MESSAGE'],
      ['no batch', new Uint8Array(), 'INVALID_RECORD'],
      [
        'an unknown codec',
        recrc(damaged((view) => view.setInt16(field.attributes, 7))),
        'UNSUPPORTED_COMPRESSION_TYPE',
      ],
      [
        'a count that is not its offsets',
        recrc(damaged((view) => view.setInt32(field.recordCount, 2))),
        'INVALID_RECORD',
      ],
      ['a control batch', batchOf(['value'], { isControl: true }), 'INVALID_RECORD'],
      ['a byte behind it', Buffer.concat([batchOf(['value']), Buffer.alloc(1)]), 'CORRUPT_MESSAGE'],
    ])('%s', async (_, batch, errorCode) => {
      const { path } = await ask.topic();
      const refused = await ask.frames(`${path}/records`, frameOf(0, batch));
      expect(refused.json.partitions?.[0].error).toMatchObject({ errorCode, outcome: 'not-written', retriable: false });
      expect(refused.status).toBe(refused.json.partitions[0].error.status);
      expect((await ask.get(`${path}/partitions/0/records`)).json.highWatermark).toBe(0);
    });

    it('more bytes than max.message.bytes', async () => {
      const { path } = await ask.topic(1, { 'max.message.bytes': '1000' });
      const refused = await ask.frames(`${path}/records`, frameOf(0, batchOf(['v'.repeat(1000)])));
      expect(refused.status).toBe(413);
      expect(refused.json.partitions[0].error.detail).toMatch(/1000/);
    });
  });

  describe('frames are refused with', () => {
    it.each([
      ['a cut header', '000000', /byte 0: a frame header takes 8 bytes, 3 are left/],
      ['a cut payload', '0000000000000005aabb', /byte 4: length 5 is more than the 2 bytes that are left/],
      ['a negative length', '00000000ffffffff', /byte 4: length -1/],
      ['a partition twice', '00000000000000000000000000000000', /byte 8: partition 0 has a frame already/],
      ['none', '', /body: expected at least 1 frame, got nothing/],
    ])('%s', async (_, hex, detail) => {
      const { path } = await ask.topic();
      const refused = await ask.frames(`${path}/records`, Buffer.from(hex, 'hex'));
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
      expect(refused.json.detail).toMatch(detail);
    });

    it('another partition than the one in the path', async () => {
      const { path } = await ask.topic(2);
      const refused = await ask.frames(`${path}/partitions/1/records`, frameOf(0, batchOf(['a'])));
      expect(refused.json.detail).toBe('body: expected frames of partition 1, as in the path, got 0');
    });

    it('an Idempotency-Key', async () => {
      const { path } = await ask.topic();
      const refused = await ask.frames(`${path}/records`, frameOf(0, batchOf(['a'])), { 'idempotency-key': 'k' });
      expect(refused.json).toMatchObject({ status: 400, field: 'header.idempotency-key' });
    });
  });
}
