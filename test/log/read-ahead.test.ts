// A process that lives reads ahead for a reader that streams.
import { expect, test } from 'vitest';
import type { FetchRequest, PartitionRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { afterReply } from '../../lib/log/read-ahead.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { batchOf, createWorld } from './world.ts';

const topic = 'orders';

const records = (partition: number, ...batches: Uint8Array[]): PartitionRecords => {
  return { partition, highWatermark: 9, logStartOffset: 0, batches };
};

/** Three appends of 1,000 bytes, and a reader that takes one of them with each fetch. */
async function streamed(
  options: { readsAhead?: boolean } = {},
  held?: (get: ObjectStore['get']) => ObjectStore['get'],
) {
  const world = createWorld();
  const ranges: number[] = [];
  const get: ObjectStore['get'] = (key, range) => {
    ranges.push(range!.from);
    return world.objects.get(key, range);
  };
  const engine = createEngine({ ...world, ...options, objects: { ...world.objects, get: held ? held(get) : get } });
  await engine.createTopic({ topic, partitions: 1 });
  for (const value of ['a', 'b', 'c'])
    await engine.append({ topic, partitions: [{ partition: 0, batches: batchOf([value.repeat(1_000)]) }] });
  const fetchAt = async (offset: number) => {
    const { partitions } = await engine.fetch({ topic, maxBytes: 1_100, partitions: [{ partition: 0, offset }] });
    return (partitions[0] as PartitionRecords).batches.length;
  };
  return { fetchAt, ranges };
}

/** Memory adapters need no more than some turns of the event loop. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('the slices that follow a full reply are in memory when the reader asks for them', async () => {
  const { fetchAt, ranges } = await streamed({ readsAhead: true });
  expect(await fetchAt(0)).toBe(1);
  await settled();
  expect(ranges).toHaveLength(2);
  expect(await fetchAt(1)).toBe(1);
  await settled();
  expect(await fetchAt(2)).toBe(1);
  await settled();
  // The third reply was not full: nothing follows.
  expect(ranges).toHaveLength(3);
});

test('a function, which may be frozen after its reply, reads nothing ahead', async () => {
  const { fetchAt, ranges } = await streamed();
  await fetchAt(0);
  await settled();
  expect(ranges).toHaveLength(1);
});

test('a reader that asks for slices that are being read ahead waits for that read', async () => {
  const gates: (() => void)[] = [];
  const { fetchAt, ranges } = await streamed({ readsAhead: true }, (get) => async (key, range) => {
    if (gates.length > 0 || ranges.length > 0) await new Promise<void>((resolve) => gates.push(resolve));
    return get(key, range);
  });
  await fetchAt(0);
  await settled();
  expect(gates).toHaveLength(1);
  const next = fetchAt(1);
  await settled();
  expect(gates).toHaveLength(1);
  gates[0]!();
  expect(await next).toBe(1);
});

test('a failure to read ahead harms nobody, and the reader tries again', async () => {
  let calls = 0;
  const { fetchAt } = await streamed({ readsAhead: true }, (get) => async (key, range) => {
    if (++calls === 2) throw new Error('the disk is tired');
    return get(key, range);
  });
  await fetchAt(0);
  await settled();
  expect(calls).toBe(2);
  expect(await fetchAt(1)).toBe(1);
});

test('partitions that got records go on behind them, after the partitions that got none', () => {
  const request: FetchRequest = {
    topic,
    maxBytes: 5,
    partitions: [
      { partition: 0, offset: 4, maxBytes: 7 },
      { partition: 1, offset: 2 },
      { partition: 2, offset: 3 },
    ],
  };
  const got = [
    records(0, batchOf(['a'], { baseOffset: 4 }), batchOf(['b', 'c'], { baseOffset: 5 })),
    records(1),
    records(2),
  ];
  expect(afterReply(request, got)).toEqual({
    topic,
    maxBytes: 5,
    partitions: [
      { partition: 1, offset: 2 },
      { partition: 2, offset: 3 },
      { partition: 0, offset: 7, maxBytes: 7 },
    ],
  });
});
