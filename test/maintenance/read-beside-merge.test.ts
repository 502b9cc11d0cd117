// A search by time has read the head, and a merge moves the records of inline items and deletes the items. Objects stay for
// hours after that, and items only for moments.
import { expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { appendOne, batchOf, createWorld, startMs } from '../log/world.ts';
import { through } from '../sim/core/through.ts';
import { fullPassOver } from './pass.ts';

test.each([[startMs + 5], ['maxTimestamp' as const]])(
  'a search by time (%s) begins again, and finds the record and not the batch',
  async (at) => {
    const world = createWorld();
    const config = { 'rivulet.inline.max.bytes': '1024' };
    const { topicId } = await world.engine.createTopic({ topic: 't', config });
    const times = [1, 5, 9, 2].map((ms) => startMs + ms);
    const records = times.map((timestampMs) => ({
      partition: 0,
      key: null,
      value: new Uint8Array(1),
      headers: [],
      timestampMs,
    }));
    await world.engine.appendRecords({ topic: 't', records });
    for (let i = 0; i < 60; i++) await appendOne(world.engine, 0, batchOf(['v'], { timestampMs: startMs }));
    const sought = at === 'maxTimestamp' ? { offset: 2, timestampMs: times[2] } : { offset: 1, timestampMs: times[1] };
    let isMerged = false;
    const table = through(world.table, async (call, act) => {
      if (call.kind === 'getMany' && !isMerged) {
        isMerged = true;
        await merge(fullPassOver(world), { topicId, partition: 0 });
      }
      return act();
    });
    const engine = createEngine({ ...world, table });
    const { partitions } = await engine.offsets({ topic: 't', at, partitions: [0] });
    expect(isMerged).toBe(true);
    expect(partitions).toMatchObject([sought]);
  },
);
