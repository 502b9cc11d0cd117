// Readers that ask for the same slices at the same time, and readers ahead of them.
import { expect, test } from 'vitest';
import { createSliceReader } from '../../lib/log/read-slices.ts';
import type { Slice } from '../../lib/partition/locate.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { batchOf, createWorld, startMs } from './world.ts';

const batch = batchOf(['a'.repeat(1_000)]);

const sliceOf = (objectKey: string, lengthBytes = batch.length): Slice => ({
  ...{ objectKey, position: 0, lengthBytes, baseOffset: 0, endOffset: 1 },
  ...{ maxTimestampMs: startMs, newestEpoch: 0, isStamped: false },
});

/** Each GET waits until `answer` is called, then fails or returns a batch. */
function heldReader() {
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  const broken = new Set<string>();
  const get: ObjectStore['get'] = async (key) => {
    asked.push(key);
    await gate.promise;
    if (broken.delete(key)) throw new Error(`${key} cannot be read`);
    return batch.slice();
  };
  const world = createWorld();
  const reader = createSliceReader({ table: world.table, objects: { ...world.objects, get } });
  return { reader, asked, broken, answer: gate.resolve };
}

test.each(['read', 'readAhead'] as const)(
  'a reader that joined a failed %s reads what it wants itself',
  async (kind) => {
    const { reader, asked, broken, answer } = heldReader();
    broken.add('y');
    const first = reader[kind]([sliceOf('x'), sliceOf('y')]);
    first.catch(() => undefined);
    const second = reader.read([sliceOf('x'), sliceOf('z')]);
    expect(asked).toEqual(['x', 'y', 'z']);
    answer();
    await expect(first).rejects.toThrow('y cannot be read');
    expect((await second).map((batches) => Array.isArray(batches) && batches.length)).toEqual([1, 1]);
    expect(await reader.read([sliceOf('y')])).toMatchObject([[{ baseOffset: 0 }]]);
  },
);

test('what is being read ahead counts against the room for reading ahead', async () => {
  const { reader, asked, answer } = heldReader();
  const bytes = 3 * 1024 * 1024;
  const reads = Array.from({ length: 20 }, (_, i) => reader.readAhead([sliceOf(`k${i}`, bytes)]));
  // Half of the cache has room for five.
  expect(asked).toHaveLength(5);
  answer();
  await Promise.all(reads);
  await reader.readAhead([sliceOf('later', bytes)]);
  expect(asked).toHaveLength(6);
});
