// A fetch that has read the head looks for a log item that retention deletes meanwhile.
import { expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { retain } from '../../lib/maintenance/retain.ts';
import { createTopics } from '../../lib/topic/topics.ts';
import { through } from '../sim/core/through.ts';
import { fullPassOver } from './pass.ts';
import { createPartition, fill, storedOf } from './world.ts';

test('it plans again, and tells where the log starts by now', async () => {
  const partition = await createPartition();
  await fill(partition.engine, 60);
  await merge(fullPassOver(partition), partition.address);
  const { items } = await storedOf(partition, partition.address);
  const { endOffset } = items[0]!;
  const topic = await createTopics(partition.table, partition.clock).resolve({ topic: 't' });
  let isRemoved = false;
  const table = through(partition.table, async (call, act) => {
    if (!isRemoved && call.kind === 'query' && call.query.pk.endsWith('/l')) {
      isRemoved = true;
      await partition.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: endOffset }] });
      await retain(fullPassOver(partition), topic, 0);
    }
    return act();
  });
  const reader = createEngine({ ...partition, table });
  const { partitions } = await reader.fetch({ topic: 't', partitions: [{ partition: 0, offset: 1 }] });
  expect(isRemoved).toBe(true);
  expect(partitions[0]).toMatchObject({
    error: { errorCode: 'OFFSET_OUT_OF_RANGE', extra: { logStartOffset: endOffset } },
  });
});
