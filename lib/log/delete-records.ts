// Deletes the records below an offset, as Kafka's DeleteRecords does: the log start of the partition moves, by one
// conditional write. That is the commit point: no reader gets the records from then on. Maintenance removes their objects
// later.
//
// A repeat changes nothing, because an offset that is asked for stays the same. Only -1 means more if it is repeated: the
// high watermark may have moved.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { DeletedRecords, DeleteRecordsReply, DeleteRecordsRequest, PartitionError } from '../api/records.ts';
import { invalid, refused } from '../api/refusal.ts';
import type { Head } from '../partition/head.ts';
import { raiseLogStart } from '../partition/log-start.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { storageFailure } from '../storage/outcome.ts';
import { configValue } from '../topic/config.ts';
import { readTopicAgain } from '../topic/current.ts';
import { unknownPartition } from '../topic/partitions.ts';
import { deletesRecords } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';
import { type LogContext, partitionName } from './context.ts';
import { liveHead } from './live-head.ts';

const headsAtOnce = 64;
const toHighWatermark = -1;

type Part = DeleteRecordsRequest['partitions'][number];

export async function deleteRecords(context: LogContext, request: DeleteRecordsRequest): Promise<DeleteRecordsReply> {
  checkRequest(request);
  // The policy may have changed a moment ago.
  const topic = await readTopicAgain(context.topics, request);
  checkPolicy(topic);
  const partitions = await inParallel(request.partitions, headsAtOnce, (part) => deleteBelow(context, topic, part));
  return { topicId: topic.topicId, partitions };
}

function checkRequest({ partitions }: DeleteRecordsRequest): void {
  const most = limits.deleteRecordsPartitions;
  if (partitions.length > most)
    throw invalid(`partitions: expected at most ${most} in one request, got ${partitions.length}`);
  const numbers = new Set(partitions.map(({ partition }) => partition));
  if (numbers.size < partitions.length) throw invalid('partitions: expected each partition once, got one twice');
}

function checkPolicy({ topic, overrides }: Topic): void {
  if (deletesRecords(overrides)) return;
  throw refused(
    'POLICY_VIOLATION',
    `cleanup.policy of topic ${topic}: expected one with delete, got ${configValue(overrides, 'cleanup.policy')}`,
  );
}

async function deleteBelow(context: LogContext, topic: Topic, part: Part): Promise<DeletedRecords | PartitionError> {
  const { partition } = part;
  let isWriting = false;
  try {
    const unknown = unknownPartition(topic, partition, 'not-written');
    if (unknown) throw unknown;
    const head = await liveHead(context, topic, partition);
    const to = targetOf(part, head);
    if (to <= head.logStart) return { partition, logStartOffset: head.logStart };
    isWriting = true;
    return { partition, logStartOffset: await moveLogStart(context, { topicId: topic.topicId, partition }, to) };
  } catch (error) {
    const failure = storageFailure(error, false, isWriting);
    if (failure instanceof RivuletError) return { partition, error: failure };
    throw failure;
  }
}

function targetOf({ partition, offset }: Part, { logStart, next }: Head): number {
  if (offset === toHighWatermark) return next;
  const isOffset = Number.isSafeInteger(offset) && offset >= 0 && offset <= next;
  if (isOffset) return offset;
  throw refused(
    'OFFSET_OUT_OF_RANGE',
    `offset of partition ${partition}: expected -1, or 0 to the high watermark ${next}, got ${offset}`,
    { logStartOffset: logStart, highWatermark: next },
  );
}

/** A fetch that waits in this process holds a plan. It plans again, so that it does not serve what is deleted. */
async function moveLogStart(
  context: LogContext,
  address: { topicId: string; partition: number },
  to: number,
): Promise<number> {
  const { head } = await raiseLogStart(context.table, address, to);
  if (head) context.heads.remember(address, head);
  context.notifications.announce(partitionName(address));
  // The head exists, because its log reaches to the offset. If the write was refused, its log start is above the offset.
  return head?.logStart ?? to;
}
