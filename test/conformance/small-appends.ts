import { describe, expect, it } from 'vitest';
import { type Ask, batchOf, frameOf } from './target.ts';

const valuesAt = async (ask: Ask, path: string): Promise<unknown[]> =>
  (await ask.get(`${path}/partitions/0/records`)).json.records.map(({ value }: { value: unknown }) => value);

const cost = { 'rivulet-cost': 'on' };
const puts = (headers: Readonly<Record<string, string | undefined>>) =>
  headers['rivulet-cost']?.match(/s3-put=\d+/)?.[0];

export function smallAppendsConformance(ask: Ask): void {
  describe('small appends', () => {
    const setting = (value: string) => ({ 'rivulet.inline.max.bytes': value });

    it('write no object, are read as others, and may be turned off and on at any time', async () => {
      const { path } = await ask.topic(1, setting('4096'));
      const json = (value: string, headers = {}) =>
        ask.json('POST', `${path}/records`, { records: [{ value }] }, { ...cost, ...headers });
      const frame = (value: string) => ask.frames(`${path}/records`, frameOf(0, batchOf([value])), cost);
      expect(puts((await json('a')).headers)).toBe('s3-put=0');
      expect(puts((await frame('b')).headers)).toBe('s3-put=0');
      expect(puts((await json('x'.repeat(5_000))).headers)).toBe('s3-put=1');
      await json('once', { 'idempotency-key': 'key' });
      expect((await ask.json('PATCH', path, { config: setting('0') })).status).toBe(200);
      expect((await json('once', { 'idempotency-key': 'key' })).json.records).toMatchObject([{ offset: 3 }]);
      await json('c');
      expect((await ask.json('PATCH', path, { config: setting('65536') })).status).toBe(200);
      const at = (expectedOffset: number) =>
        ask.json('POST', `${path}/partitions/0/records`, { expectedOffset, records: [{ value: 'd' }] });
      expect((await at(4)).json.records[0].error.errorCode).toBe('UNEXPECTED_OFFSET');
      expect((await at(5)).json.records).toMatchObject([{ offset: 5 }]);
      expect(await valuesAt(ask, path)).toEqual(['a', 'b', 'x'.repeat(5_000), 'once', 'c', 'd']);
    });

    it('cannot be larger than the limit', async () => {
      const { path } = await ask.topic();
      const refused = await ask.json('PATCH', path, { config: setting('65537') });
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_CONFIG' });
      expect(refused.json.detail).toMatch(/^rivulet\.inline\.max\.bytes: expected a whole number from 0 to 65536/);
    });
  });
}
