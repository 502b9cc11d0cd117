// Lag: how far a group is behind each of its partitions, in records and in time. Told by the offsets items and the heads
// of the log alone, so it is true while every consumer is dead. Eventual reads: half a unit per head.

import type { PartitionLag } from '../../api/groups.ts';
import { deletedFence, type Head } from '../../partition/head.ts';
import { entriesFrom } from '../../partition/locate.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import type { GroupParts } from '../context.ts';
import { readSlots, type StoredSlot } from '../items/read-ownership.ts';

const headsAtOnce = 64;

/** By topic and partition. */
export async function lagOf(parts: GroupParts, groupId: string): Promise<PartitionLag[]> {
  const stored = await readSlots(parts.table, groupId, { strong: false });
  const wanted = stored.filter(({ slot }) => slot.offset !== undefined || slot.owner !== undefined);
  const rows = await inParallel(wanted, headsAtOnce, (each) => rowOf(parts, each));
  return rows
    .filter((row) => row !== undefined)
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

/** Undefined when the topic was deleted. */
async function rowOf(
  parts: GroupParts,
  { topic, topicId, partition, slot }: StoredSlot,
): Promise<PartitionLag | undefined> {
  const head = await parts.log.heads.read({ topicId, partition }, { strong: false });
  if (head?.fence === deletedFence) return undefined;
  const { logStart = 0, next = 0 } = head ?? {};
  const owner = slot.owner !== undefined && { memberId: slot.owner };
  const row = {
    topic,
    topicId,
    partition,
    logStartOffset: logStart,
    logEndOffset: next,
    metadata: slot.metadata,
    ...owner,
  };
  if (slot.offset === undefined) return { ...row, currentOffset: -1, lag: -1, timeLagMs: -1, lostRecords: 0 };
  const position = Math.max(slot.offset, logStart);
  const lag = Math.max(0, next - position);
  const timeLagMs = head && lag > 0 ? await ageAt(parts, { topicId, partition }, head, position) : 0;
  return { ...row, currentOffset: slot.offset, lag, timeLagMs, lostRecords: Math.max(0, logStart - slot.offset) };
}

/** Of the batch there: its entry has the greatest timestamp, so no object is read. Below the tail one query more. */
async function ageAt(
  parts: GroupParts,
  address: { topicId: string; partition: number },
  head: Head,
  offset: number,
): Promise<number> {
  for await (const { entry } of entriesFrom(parts.log, address, head, offset))
    return Math.max(0, parts.clock.now() - entry.maxTimestampMs);
  return -1;
}
