// A process that knows topics from before: they were deleted, made anew or grown by another process meanwhile.
import { beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createEngine } from '../../lib/create-engine.ts';
import type { Engine } from '../../lib/engine.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory-table.ts';

let old: Engine;
let other: Engine;
let topicId: string;
const at = (partition: number, offset: number) => [{ topic: 't', partitions: [{ partition, offset }] }];

beforeEach(async () => {
  const ports = { objects: createMemoryObjectStore({ clock: systemClock }), table: createMemoryTable() };
  [old, other] = [createEngine({ ...ports, clock: systemClock }), createEngine({ ...ports, clock: systemClock })];
  ({ topicId } = await old.createTopic({ topic: 't', partitions: 2 }));
  await old.groups.commitOffsets({ groupId: 'g', topics: at(0, 5) });
});

async function madeAnew(): Promise<string> {
  await other.deleteTopic('t');
  return (await other.createTopic({ topic: 't', partitions: 2 })).topicId;
}

test('it finds no offset of a topic that was made anew', async () => {
  const id = await madeAnew();
  const { topics } = await old.groups.fetchOffsets({ groupId: 'g', topics: [{ topic: 't', partitions: [0] }] });
  expect(topics).toMatchObject([{ topicId: id, partitions: [{ partition: 0, offset: -1 }] }]);
  expect(await old.groups.fetchOffsets({ groupId: 'g' })).toEqual({ topics: [] });
});

test('it commits, resets and forgets those of the topic that there is now', async () => {
  const id = await madeAnew();
  await old.groups.commitOffsets({ groupId: 'g', topics: at(1, 7) });
  const target = { to: 'current' } as const;
  const reset = await old.groups.resetOffsets({ groupId: 'g', topics: [{ topic: 't', target }], dryRun: true });
  expect(reset.topics).toMatchObject([
    { topicId: id, partitions: [{ previousOffset: -1 }, { partition: 1, previousOffset: 7 }] },
  ]);
  const deleted = await old.groups.deleteOffsets({ groupId: 'g', topics: [{ topic: 't' }] });
  expect(deleted.topics).toEqual([{ topic: 't', topicId: id, partitions: [{ partition: 1 }] }]);
});

test('it takes a commit of a partition that was added', async () => {
  await other.alterTopic({ topic: 't', partitions: 4 });
  const topics = [{ ...at(3, 9)[0]!, topicId }];
  const reply = await old.groups.commitOffsets({ groupId: 'g', topics });
  expect(reply.topics[0]!.partitions).toEqual([{ partition: 3 }]);
});
