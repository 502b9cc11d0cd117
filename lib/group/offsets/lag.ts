// Computes lag: how far a group is behind in each of its partitions, in records and in time. It needs only the offsets
// items and the heads of the log, so it is true while every consumer is dead. The reads are eventual: half a unit per
// head.

import type { PartitionLag } from '../../api/groups.ts';
import { deletedFence, type Head } from '../../partition/head.ts';
import { slicesFrom } from '../../partition/locate.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import type { GroupContext } from '../context.ts';
import { readOwnership, type StoredOwnership } from '../items/read-ownership.ts';

const headsAtOnce = 64;

/** Returns the rows sorted by topic and partition. */
export async function lagOf(context: GroupContext, groupId: string): Promise<PartitionLag[]> {
  const stored = await readOwnership(context.table, groupId, { strong: false });
  const wanted = stored.filter(({ ownership }) => ownership.offset !== undefined || ownership.owner !== undefined);
  const rows = await inParallel(wanted, headsAtOnce, (each) => rowOf(context, each));
  return rows
    .filter((row) => row !== undefined)
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

/** Undefined if the topic was deleted. */
async function rowOf(
  context: GroupContext,
  { topic, topicId, partition, ownership }: StoredOwnership,
): Promise<PartitionLag | undefined> {
  const head = await context.log.heads.read({ topicId, partition }, { strong: false });
  if (head?.fence === deletedFence) return undefined;
  const { logStart = 0, next = 0 } = head ?? {};
  const owner = ownership.owner !== undefined && { memberId: ownership.owner };
  const row = {
    topic,
    topicId,
    partition,
    logStartOffset: logStart,
    logEndOffset: next,
    metadata: ownership.metadata,
    ...owner,
  };
  if (ownership.offset === undefined) return { ...row, currentOffset: -1, lag: -1, timeLagMs: -1, lostRecords: 0 };
  const position = Math.max(ownership.offset, logStart);
  const lag = Math.max(0, next - position);
  const timeLagMs = head && lag > 0 ? await ageAt(context, { topicId, partition }, head, position) : 0;
  return {
    ...row,
    currentOffset: ownership.offset,
    lag,
    timeLagMs,
    lostRecords: Math.max(0, logStart - ownership.offset),
  };
}

/**
 * Returns the age of the batch at this offset. The index has a greatest timestamp, so no object is read. Below the
 * tail it costs one more query.
 */
async function ageAt(
  context: GroupContext,
  address: { topicId: string; partition: number },
  head: Head,
  offset: number,
): Promise<number> {
  for await (const { maxTimestampMs } of slicesFrom(context.log, address, head, offset))
    return Math.max(0, context.clock.now() - maxTimestampMs);
  return -1;
}
