// A fetch that waits looks again at half the price, and may see an old head.
import { expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import type { Item } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld } from './world.ts';

test('a first batch that is larger than the reply is not planned again from a head that lacks it', async () => {
  const { engine, objects, table, clock } = createWorld();
  await engine.createTopic({ topic: 't' });
  await appendOne(engine, 0, batchOf(['first']));
  let old: Item | undefined;
  const reader = createEngine({
    objects,
    clock,
    table: {
      ...table,
      get: async (key, options) => {
        const item = await table.get(key, options);
        if (key.sk !== 'h') return item;
        return options?.strong ? item : old;
      },
    },
  });
  const { topicId } = await engine.describeTopic('t');
  old = await table.get({ pk: `${topicId}/0`, sk: 'h' });
  await appendOne(engine, 0, batchOf(['second']));
  await appendOne(engine, 0, batchOf(['third']));
  const request = {
    topic: 't',
    partitions: [{ partition: 0, offset: 2 }],
    waitMs: 1_000,
    minBytes: 1_000,
    maxBytes: 10,
  };
  const { partitions } = await reader.fetch(request);
  expect(partitions[0]).toMatchObject({ highWatermark: 3, batches: [expect.any(Uint8Array)] });
});
