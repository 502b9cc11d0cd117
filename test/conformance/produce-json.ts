import { describe, expect, it } from 'vitest';
import type { Ask, Reply } from './target.ts';

const values = (reply: Reply) => reply.json.records.map(({ value }: { value: unknown }) => value);

export function produceJsonConformance(ask: Ask): void {
  describe('produce of JSON', () => {
    it('gives each record its offset, and the records are read back', async () => {
      const { path, topicId } = await ask.topic();
      const records = [
        { key: 'k', value: { a: [1, null, 'é'] }, headers: [{ name: 'h', value: 'x' }, { name: 'h' }], timestamp: 5 },
        { value: null },
        { key: { type: 'binary', data: '/w==' }, value: 'text' },
      ];
      const produced = await ask.json('POST', `${path}/records`, { records });
      expect(produced).toMatchObject({ status: 200, json: { topicId } });
      expect(produced.json.records.map((one: { offset: number }) => one.offset)).toEqual([0, 1, 2]);
      expect(produced.json.records[0].timestamp).toBe(5);
      const fetched = await ask.get(`${path}/partitions/0/records`);
      expect(fetched.json).toMatchObject({ topicId, partition: 0, highWatermark: 3, logStartOffset: 0, nextOffset: 3 });
      expect(fetched.json.records[0]).toEqual({
        offset: 0,
        ...records[0],
        headers: [
          { name: 'h', value: 'x' },
          { name: 'h', value: null },
        ],
      });
      expect(fetched.json.records[1]).toMatchObject({ offset: 1, key: null, value: null });
      expect(fetched.json.records[2]).toMatchObject({
        offset: 2,
        key: { type: 'binary', data: '/w==' },
        value: 'text',
      });
    });

    it('keeps the order of headers and repeated names, and takes an object of headers too', async () => {
      const { path } = await ask.topic();
      const list = ['b', '10', '2', 'b'].map((name, at) => ({ name, value: `${at}` }));
      await ask.json('POST', `${path}/records`, { records: [{ headers: list }, { headers: { a: '1', b: [1, 2] } }] });
      const { records } = (await ask.get(`${path}/partitions/0/records`)).json;
      expect(records[0].headers).toEqual(list);
      expect(records[1].headers).toEqual([
        { name: 'a', value: '1' },
        { name: 'b', value: [1, 2] },
      ]);
    });

    it('keeps numbers of any length unchanged', async () => {
      const { path } = await ask.topic();
      await ask.json('POST', `${path}/records`, '{"records":[{"value":{"n":12345678901234567890}}]}');
      expect((await ask.get(`${path}/partitions/0/records`)).body.toString()).toContain('{"n":12345678901234567890}');
    });

    it('takes the last of two members with the same name', async () => {
      const { path } = await ask.topic();
      await ask.json('POST', `${path}/records`, '{"records":[{"value":"first","value":"last"}]}');
      expect(values(await ask.get(`${path}/partitions/0/records`))).toEqual(['last']);
    });

    it('always puts a key into the same partition', async () => {
      const { path } = await ask.topic(4);
      const records = ['a', 'b', 'c', 'd', 'e', 'a', 'b', 'c', 'd', 'e'].map((key) => ({ key, value: key }));
      const placed = (await ask.json('POST', `${path}/records`, { records })).json.records;
      const partitions = placed.map((one: { partition: number }) => one.partition);
      expect(partitions.slice(0, 5)).toEqual(partitions.slice(5));
      expect(new Set(partitions).size).toBeGreaterThan(1);
    });

    it('writes to the partition that the path names', async () => {
      const { path } = await ask.topic(3);
      const produced = await ask.json('POST', `${path}/partitions/2/records`, { records: [{ key: 'any', value: 1 }] });
      expect(produced.json.records).toEqual([expect.objectContaining({ partition: 2, offset: 0 })]);
    });

    it('is a 200 when anything was written, with an error beside it', async () => {
      const { path } = await ask.topic(1);
      const produced = await ask.json('POST', `${path}/records`, {
        records: [
          { partition: 0, value: 'in' },
          { partition: 7, value: 'out' },
        ],
      });
      expect(produced.status).toBe(200);
      expect(produced.json.records[0]).toMatchObject({ partition: 0, offset: 0 });
      expect(produced.json.records[1]).toMatchObject({
        partition: 7,
        error: { status: 404, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written' },
      });
    });

    it('has the status of the error when nothing was written', async () => {
      const { path } = await ask.topic(1);
      const produced = await ask.json('POST', `${path}/partitions/7/records`, { records: [{ value: 'out' }] });
      expect(produced.status).toBe(404);
      expect(produced.json.records[0].error).toMatchObject({
        errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
        retriable: false,
      });
    });

    it('to a topic that does not exist is one problem', async () => {
      const produced = await ask.json('POST', '/v1/topics/no-such-topic/records', { records: [{ value: 1 }] });
      expect(produced.json).toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written' });
    });
  });

  describe('an Idempotency-Key', () => {
    const twice = async (path: string, first: object, second: object) => {
      const headers = { 'idempotency-key': 'order-17' };
      return [await ask.json('POST', path, first, headers), await ask.json('POST', path, second, headers)] as const;
    };

    it('makes a repeat the same append', async () => {
      const { path } = await ask.topic(3);
      const body = { records: [{ value: 'once' }, { key: 'k', value: 'too' }] };
      const [first, second] = await twice(`${path}/records`, body, body);
      const places = (reply: Reply) =>
        reply.json.records.map(({ partition, offset }: Record<string, number>) => ({ partition, offset }));
      expect(second.status).toBe(200);
      expect(places(second)).toEqual(places(first));
      expect(second.json.records.map((one: { duplicate?: true }) => one.duplicate)).toEqual([true, true]);
      const ends = (await ask.get(`${path}/offsets?at=latest`)).json.partitions;
      expect(ends.reduce((sum: number, one: { offset: number }) => sum + one.offset, 0)).toBe(2);
    });

    it('is refused with other records', async () => {
      const { path } = await ask.topic();
      const [, second] = await twice(
        `${path}/partitions/0/records`,
        { records: [{ value: 'one' }] },
        { records: [{ value: 'other' }] },
      );
      expect(second.status).toBe(409);
      expect(JSON.stringify(second.json)).toContain('IDEMPOTENCY_KEY_REUSED');
    });

    it.each(['', 'two, keys', 'k'.repeat(256)])('is not valid as %j', async (key) => {
      const { path } = await ask.topic();
      const body = { records: [{ value: 1 }] };
      const refused = await ask.json('POST', `${path}/records`, body, { 'idempotency-key': key });
      expect(refused.json).toMatchObject({ status: 400, field: 'header.idempotency-key', outcome: 'not-written' });
    });
  });

  describe('expectedOffset', () => {
    it('lets one append in, and the next only after it', async () => {
      const { path } = await ask.topic();
      const at = (expectedOffset: number, value: string) =>
        ask.json('POST', `${path}/partitions/0/records`, { expectedOffset, records: [{ value }] });
      expect((await at(0, 'a')).json.records).toEqual([expect.objectContaining({ offset: 0 })]);
      const late = await at(0, 'b');
      expect(late.status).toBe(412);
      expect(late.json.records[0].error).toMatchObject({
        errorCode: 'UNEXPECTED_OFFSET',
        nextOffset: 1,
        outcome: 'not-written',
      });
      expect((await at(1, 'b')).status).toBe(200);
      expect(values(await ask.get(`${path}/partitions/0/records`))).toEqual(['a', 'b']);
    });

    it('beside an Idempotency-Key does not refuse a repeat of what was written', async () => {
      const { path } = await ask.topic();
      const again = () =>
        ask.json(
          'POST',
          `${path}/partitions/0/records`,
          { expectedOffset: 0, records: [{ value: 'a' }] },
          { 'idempotency-key': 'a' },
        );
      expect((await again()).json.records).toEqual([expect.objectContaining({ offset: 0 })]);
      expect((await again()).json.records).toEqual([expect.objectContaining({ offset: 0, duplicate: true })]);
    });

    it('lets exactly one of many concurrent appends in', async () => {
      const { path } = await ask.topic();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, value) =>
          ask.json('POST', `${path}/partitions/0/records`, { expectedOffset: 0, records: [{ value }] }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
    });
  });
}
