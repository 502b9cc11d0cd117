import { expect, test } from 'vitest';
import { unknownPartition } from '../../lib/topic/partitions.ts';

const topicOf = (partitions: number) => ({
  ...{ topic: 't', topicId: 'A'.repeat(22), partitions, createdMs: 0 },
  ...{ overrides: {}, revision: 0, isRetentionConfirmed: true, isPushed: false },
});

test.each([
  [1, 1, 'topic t has 1 partition; there is no partition 1'],
  [3, 3, 'topic t has 3 partitions; there is no partition 3'],
  [3, -1, 'topic t has 3 partitions; there is no partition -1'],
  [3, 0.5, 'topic t has 3 partitions; there is no partition 0.5'],
])('a topic of %i partitions refuses partition %d', (partitions, partition, message) => {
  const error = unknownPartition(topicOf(partitions), partition, 'not-written');
  expect(error).toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', message, outcome: 'not-written' });
});

test('partitions that exist are not refused', () => {
  expect([0, 1, 2].map((partition) => unknownPartition(topicOf(3), partition))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
