// A compacted topic takes only records with a key. Its batches are unpacked when they are admitted; those of other topics
// are not.
import { beforeEach, describe, expect, test } from 'vitest';
import type { RivuletError } from '../../lib/api/errors.ts';
import { type EncodeOptions, encodeBatch } from '../../lib/record/batch.ts';
import { unreadable } from '../fixtures/unreadable-batch.ts';
import { createWorld, readAll, startMs, text, tryAppend, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 2, config: { 'cleanup.policy': 'delete,compact' } });
  await world.engine.createTopic({ topic: 'plain' });
});

const keyed = (keys: (string | null)[], options: EncodeOptions = {}) =>
  encodeBatch(
    keys.map((key) => ({ key: key === null ? null : text(key), value: text('v'), headers: [], timestampMs: startMs })),
    options,
  );

const errorOf = async (batches: Uint8Array): Promise<RivuletError> => {
  const result = await tryAppend(world.engine, 1, batches);
  if (!('error' in result)) throw new Error('it was appended');
  return result.error;
};

describe('batches', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'without a key are refused: %s',
    async (compression) => {
      const batches = Buffer.concat([keyed(['a', 'b'], { compression }), keyed(['c', null, null], { compression })]);
      const error = await errorOf(batches);
      expect(error).toMatchObject({ errorCode: 'INVALID_RECORD', outcome: 'not-written' });
      expect(error.message).toBe('partition 1: records[3].key: expected a key, because topic t is compacted, got null');
      const reason = 'key: expected a key, because topic t is compacted, got null';
      expect(error.records).toEqual([3, 4].map((index) => ({ index, reason })));
      expect((await world.objects.list({})).objects).toEqual([]);
    },
  );

  test('of which a thousand have no key are refused with the names of a thousand', async () => {
    const error = await errorOf(keyed(['a', ...Array.from({ length: 1_001 }, () => null)], { compression: 'zstd' }));
    expect(error.records.map(({ index }) => index)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
  });

  test('with keys are stored as they came; an empty key is a key, and a null value is a tombstone', async () => {
    const batch = encodeBatch(
      [{ key: text(''), value: null, headers: [{ key: 'h', value: null }], timestampMs: startMs }],
      { compression: 'zstd' },
    );
    expect(await tryAppend(world.engine, 1, batch)).toMatchObject({ baseOffset: 0 });
    expect(await readAll(world.engine, 1)).toMatchObject([{ offset: 0, value: null }]);
  });

  test('that nobody can unpack are refused', async () => {
    expect(await errorOf(unreadable(keyed(['a'])))).toMatchObject({ outcome: 'not-written' });
  });

  test('that unpack to more than the budget are refused', async () => {
    const large = encodeBatch(
      [{ key: text('k'), value: new Uint8Array(40 * 1024 * 1024), headers: [], timestampMs: startMs }],
      { compression: 'zstd' },
    );
    const error = await errorOf(Buffer.concat([large, large]));
    expect(error).toMatchObject({ errorCode: 'MESSAGE_TOO_LARGE', outcome: 'not-written' });
    expect(error.message).toContain('because topic t is compacted');
  });

  test('of other topics are not unpacked', async () => {
    const { partitions } = await world.engine.append({
      topic: 'plain',
      partitions: [{ partition: 0, batches: unreadable(keyed(['a'])) }],
    });
    expect(partitions[0]).toMatchObject({ baseOffset: 0 });
  });
});

describe('JSON records', () => {
  const records = [text('a'), text('b'), null].map((key) => ({ key, value: text('v'), headers: [] }));

  test('without a key refuse their request as a whole, with their index', async () => {
    await expect(world.engine.appendRecords({ topic: 't', records })).rejects.toMatchObject({
      errorCode: 'INVALID_RECORD',
      outcome: 'not-written',
      message: 'records[2].key: expected a key, because topic t is compacted, got null',
    });
    expect((await world.objects.list({})).objects).toEqual([]);
  });

  test('that are refused do not claim their Idempotency-Key', async () => {
    const idempotencyKey = 'once';
    await expect(world.engine.appendRecords({ topic: 't', idempotencyKey, records })).rejects.toThrow('compacted');
    const corrected = await world.engine.appendRecords({ topic: 't', idempotencyKey, records: records.slice(0, 2) });
    expect(corrected.records).toMatchObject([{ duplicate: false }, { duplicate: false }]);
  });
});
