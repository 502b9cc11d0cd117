// A process knows topics from before. Another process has deleted, re-created or grown them meanwhile.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import type { PerPartitionReply } from '../../lib/api/groups.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

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

async function recreate(): Promise<string> {
  await other.deleteTopic('t');
  return (await other.createTopic({ topic: 't', partitions: 2 })).topicId;
}

test('it finds no offset of a topic that was re-created', async () => {
  const id = await recreate();
  const { topics } = await old.groups.fetchOffsets({ groupId: 'g', topics: [{ topic: 't', partitions: [0] }] });
  expect(topics).toMatchObject([{ topicId: id, partitions: [{ partition: 0, offset: -1 }] }]);
  expect(await old.groups.fetchOffsets({ groupId: 'g' })).toEqual({ topics: [] });
});

test('it commits, resets and forgets offsets of the topic that exists now', async () => {
  const id = await recreate();
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

describe("a member's commit by the topic's id", () => {
  const m = { groupId: 'g', memberId: 'm' };
  let memberEpoch: number;
  beforeEach(async () => {
    const joining = { ...m, memberEpoch: 0, heartbeatSeq: 1, subscribedTopicNames: ['t'] };
    ({ memberEpoch } = await old.groups.heartbeat(joining));
  });
  let commitSeq = 0;
  const commit = (of: { topic: string; topicId: string }, partition = 0) =>
    old.groups.commitOffsets({
      ...{ ...m, memberEpoch, commitSeq: ++commitSeq },
      topics: [{ ...of, partitions: [{ partition, offset: 7 }] }],
    });
  const codeOf = ({ topics }: PerPartitionReply) =>
    topics[0]!.partitions.map((result) => ('error' in result ? result.error.errorCode : undefined))[0];

  test('is accepted for a deleted topic while the term lasts, and does not reach the re-created topic', async () => {
    await recreate();
    expect(codeOf(await commit({ topic: 't', topicId }))).toBeUndefined();
    expect(await old.groups.fetchOffsets({ groupId: 'g' })).toEqual({ topics: [] });
    for (let beats = 0; beats < 3; beats++)
      ({ memberEpoch } = await old.groups.heartbeat({
        ...{ ...m, memberEpoch, heartbeatSeq: 2 + beats, topicPartitions: [] },
        subscribedTopicNames: ['t', `new-${beats}`],
      }));
    expect(codeOf(await commit({ topic: 't', topicId }))).toBe('INCONSISTENT_TOPIC_ID');
  });

  test('under another name is refused', async () => {
    await old.createTopic({ topic: 'u' });
    expect(codeOf(await commit({ topic: 'u', topicId }))).toBe('INCONSISTENT_TOPIC_ID');
    expect(codeOf(await commit({ topic: 'none', topicId }))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });

  test('of a partition that does not exist is refused', async () => {
    expect(codeOf(await commit({ topic: 't', topicId }, 2))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });
});
