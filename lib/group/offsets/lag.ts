// Computes lag: how far a group is behind in each of its partitions, in records and in time. It needs only the offsets
// items and the heads of the log, so it is true while every consumer is dead. The reads are eventual: half a unit per
// head.

import { RivuletError } from '../../api/errors.ts';
import type { PartitionLag } from '../../api/groups.ts';
import type { TopicRef } from '../../api/topics.ts';
import { deletedFence, type Head } from '../../partition/head.ts';
import { type Slice, slicesFrom } from '../../partition/locate.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { maintenanceBegunMs } from '../../topic/maintenance-begun.ts';
import { expiryMs, removableFromMs, retentionOf, writtenMs } from '../../topic/retention.ts';
import type { Topic } from '../../topic/topics.ts';
import type { GroupContext } from '../context.ts';
import { failureOf } from '../items/failure-note.ts';
import { hasLiveLease, isRun, type Ownership } from '../items/ownership.ts';
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
  const owner = ownership.owner !== undefined && ownerOf(ownership, ownership.owner, context.clock.now());
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
  const oldest = head && lag > 0 ? await sliceAt(context, { topicId, partition }, head, position) : undefined;
  const nothingToTell = lag > 0 ? -1 : 0;
  const expiresInMs = oldest && (await expiryOf(context, { topic, topicId }, oldest));
  return {
    ...row,
    currentOffset: ownership.offset,
    lag,
    timeLagMs: oldest ? Math.max(0, context.clock.now() - writtenMs(oldest)) : nothingToTell,
    lostRecords: Math.max(0, logStart - ownership.offset),
    ...(ownership.committedMs >= 0 && { committedAgoMs: Math.max(0, context.clock.now() - ownership.committedMs) }),
    ...(expiresInMs !== undefined && { expiresInMs }),
  };
}

function ownerOf(ownership: Ownership, owner: string, nowMs: number) {
  if (!isRun(owner)) return { memberId: owner };
  const { leaseUntilMs, note } = ownership;
  const lease = hasLiveLease(ownership, nowMs) && { leaseUntilMs };
  return { ...lease, ...(note && { failing: failureOf(note) }) };
}

/**
 * Returns the slice that has this offset. The index has its greatest timestamp, so no object is read. Below the tail it
 * costs one more query.
 */
async function sliceAt(
  context: GroupContext,
  address: { topicId: string; partition: number },
  head: Head,
  offset: number,
): Promise<Slice | undefined> {
  for await (const slice of slicesFrom(context.log, address, head, offset)) return slice;
  return undefined;
}

/** Undefined if retention by time never removes the slice. Retention goes by larger pieces, so it may come later. */
async function expiryOf(context: GroupContext, ref: TopicRef, slice: Slice): Promise<number | undefined> {
  const topic = await liveTopic(context, ref);
  if (!topic) return undefined;
  const begunMs = topic.isRetentionConfirmed ? undefined : await maintenanceBegunMs(context.table);
  const goesMs = Math.max(expiryMs(slice, retentionOf(topic.overrides)), removableFromMs(topic, begunMs));
  return goesMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, goesMs - context.clock.now());
}

/** The topic may be deleted, or re-created, by now. */
async function liveTopic({ topics }: GroupContext, ref: TopicRef): Promise<Topic | undefined> {
  try {
    return await topics.resolve(ref);
  } catch (error) {
    if (error instanceof RivuletError) return undefined;
    throw error;
  }
}
