// Stages records that come one by one (JSON). They have no sequence of their own, so each request takes the next ones, and
// takes others if another request was faster. A request whose reply was lost cannot be told from a new one: the client then
// aborts the transaction.

import { RivuletError } from '../api/errors.ts';
import type { PartitionError } from '../api/records.ts';
import { invalid } from '../api/refusal.ts';
import type { StagedPartition, StageRecordsRequest, StageReply } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { checkRecordKeys } from '../log/admit-keys.ts';
import { encodeAll, place } from '../log/batches-of-records.ts';
import { topicWith } from '../topic/current.ts';
import type { Topic } from '../topic/topics.ts';
import { parseTransactionItem, type TransactionItem } from './item.ts';
import { openItem } from './open-item.ts';
import { beingEnded } from './refusals.ts';
import { spillStaged } from './spill-staged.ts';
import { admitAll, refuseExpectedOffset, stagedResult, upload } from './stage.ts';
import { nameRuns, nextSequenceOf } from './stage-update.ts';

const tries = 8;

export async function stageRecords(context: GroupContext, request: StageRecordsRequest): Promise<StageReply> {
  if (request.idempotencyKey !== undefined)
    throw invalid(
      'Idempotency-Key: expected none in a transaction, got one: instead of repeating a request, abort and send all records again',
    );
  refuseExpectedOffset(request);
  const topic = await topicWith(
    context.topics,
    request,
    request.records.map(({ partition }) => partition ?? 0),
  );
  checkRecordKeys(request.records, topic);
  const placement = { partitions: topic.partitions, chance: context.clock.random(), nowMs: context.clock.now() };
  const placed = place(request, placement);
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await openItem(context, request.in);
    const partitions = [...placed].map(([partition, records]) => ({
      partition,
      batches: encodeAll(records, topic, optionsOf(item, topic, partition)),
    }));
    const results = await stageOnce(context, item, topic, { topic: topic.topic, partitions });
    if (results)
      return { topicId: topic.topicId, partitions: partitions.map(({ partition }) => results.get(partition)!) };
  }
  throw beingEnded(await openItem(context, request.in));
}

const optionsOf = (item: TransactionItem, topic: Topic, partition: number) => ({
  producerId: item.producerId,
  producerEpoch: item.producerEpoch,
  baseSequence: nextSequenceOf(item, topic, partition),
  isTransactional: true,
});

/** Returns undefined if another request took the sequences. */
async function stageOnce(
  context: GroupContext,
  item: TransactionItem,
  topic: Topic,
  request: Parameters<typeof admitAll>[1],
): Promise<ReadonlyMap<number, StagedPartition | PartitionError> | undefined> {
  const { runs, results } = await admitAll(context, request, item, topic);
  if (runs.length === 0) return results;
  const uploaded = await upload(context, item, topic, runs);
  const named = await nameRuns(context, item, topic, uploaded);
  if (named.applied) {
    await spillStaged(context, parseTransactionItem(named.item!));
    for (const one of uploaded) results.set(one.run.partition, stagedResult(one, false));
    return results;
  }
  const mayBeStaged = named.doubtful === true;
  if (mayBeStaged)
    throw new RivuletError(
      'REQUEST_TIMED_OUT',
      'the records may be staged, or not: abort the transaction, and send its records again',
      { outcome: 'unknown' },
    );
  return undefined;
}
