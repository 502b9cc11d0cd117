// Fetch reads many partitions of a topic in one long poll, or one partition by GET, as JSON records or as binary batches.
//
// An error in one partition is the result of that partition, and the reply is a 200. The GET of one partition answers with
// the error itself.

import type { LogEngine } from '../../lib/api/engine.ts';
import { catalogue, RivuletError } from '../../lib/api/errors.ts';
import type { FetchReply, OffsetQuery, PartitionError, PartitionRecords } from '../../lib/api/records.ts';
import type { TopicRef } from '../../lib/api/topics.ts';
import { BATCHES_MEDIA_TYPE, encodeFetchFrames } from '../../lib/record/frames.ts';
import { defined } from '../defined.ts';
import type { HttpResult } from '../http-event.ts';
import { jsonRecords, newReplyRoom, type ReplyRoom } from '../json-records.ts';
import { json, type Operation, operation } from '../operation.ts';
import { problemOf } from '../problem.ts';
import { failuresOf } from '../results.ts';
import { fetchedPartition, fetchedPartitions } from '../schemas/replies.ts';
import { fetchBody, fetchPartitionQuery, partitionPath, topicPath } from '../schemas/schemas.ts';

const TOPIC_ID = 'rivulet-topic-id';

export function fetchOperations(engine: LogEngine): Operation[] {
  return [fetchTopic(engine), fetchPartition(engine)];
}

const fetchTopic = (engine: LogEngine) =>
  operation({
    id: 'fetch',
    summary: 'Read from several partitions of a topic in one long poll',
    method: 'POST',
    path: '/v1/topics/{topic}/fetch',
    pathSchema: topicPath,
    bodySchema: fetchBody,
    bodyLimit: 'fetchBodyBytes',
    status: 200,
    replySchema: fetchedPartitions,
    repliesBatches: true,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INCONSISTENT_TOPIC_ID'],
    run: async ({ path, wantsBatches, signal }, body) => {
      const partitions = body.partitions.map(defined);
      const reply = await engine.fetch({ ...defined({ topic: path.topic, ...body, signal }), partitions });
      if (wantsBatches) return frames(reply);
      const offsets = new Map(partitions.map(({ partition, offset }) => [partition, offset]));
      return jsonReply(reply, offsets, newReplyRoom(signal));
    },
  });

const fetchPartition = (engine: LogEngine) =>
  operation({
    id: 'fetchPartition',
    summary: 'Read one partition from an offset, from a time, or from its start',
    method: 'GET',
    path: '/v1/topics/{topic}/partitions/{p}/records',
    pathSchema: partitionPath,
    querySchema: fetchPartitionQuery,
    status: 200,
    replySchema: fetchedPartition,
    repliesBatches: true,
    errors: [
      'UNKNOWN_TOPIC_OR_PARTITION',
      'OFFSET_OUT_OF_RANGE',
      'MESSAGE_TOO_LARGE',
      'CORRUPT_MESSAGE',
      'CORRUPT_LOG',
    ],
    run: async ({ path, query, wantsBatches, signal }) => {
      const { topic, p: partition } = path;
      const start = await startOf(engine, { topic, signal }, partition, query);
      const { maxBytes, waitMs } = query;
      const partitions = [{ partition, offset: start.offset }];
      const reply = await engine.fetch({
        ...defined({ topic, topicId: start.topicId, maxBytes, waitMs, signal }),
        partitions,
      });
      const [result] = reply.partitions;
      if (result === undefined || 'error' in result)
        throw result?.error ?? new Error('fetch of one partition answered none');
      if (wantsBatches) return frames(reply);
      const members = await jsonRecords(result, start.offset, newReplyRoom(signal));
      if (members instanceof RivuletError) throw members;
      return json(200, `{"topicId":${JSON.stringify(reply.topicId)},${members}}`, { [TOPIC_ID]: reply.topicId });
    },
  });

type Leaving = { readonly signal: AbortSignal | undefined };
type Start = { readonly offset: number; readonly topicId?: string };

/** If no record has that time or a later one, the reader waits at the end of the partition. */
async function startOf(
  engine: LogEngine,
  topic: TopicRef & Leaving,
  partition: number,
  query: { offset?: number | undefined; timestamp?: number | undefined },
): Promise<Start> {
  if (query.offset !== undefined) return { offset: query.offset };
  const found = await offsetAt(engine, topic, partition, query.timestamp ?? 'earliest');
  if (found.offset >= 0) return found;
  const end = await offsetAt(engine, topic, partition, 'latest');
  // A record that arrived after the first lookup lies below this end, and the reader would miss it: look again.
  const arrived = await offsetAt(engine, topic, partition, query.timestamp ?? 'earliest');
  return arrived.offset >= 0 ? arrived : end;
}

async function offsetAt(
  engine: LogEngine,
  topic: TopicRef & Leaving,
  partition: number,
  at: OffsetQuery,
): Promise<Start> {
  const { topicId, partitions } = await engine.offsets({ ...defined(topic), at, partitions: [partition] });
  return { offset: partitions[0]?.offset ?? -1, topicId };
}

function frames({ topicId, partitions }: FetchReply): HttpResult {
  const body = encodeFetchFrames(
    partitions.map((result) => ('error' in result ? errorFrame(result) : dataFrame(result))),
  );
  const headers = { 'content-type': BATCHES_MEDIA_TYPE, [TOPIC_ID]: topicId };
  return { statusCode: 200, headers, body, failures: failuresOf(partitions) };
}

function dataFrame({ partition, highWatermark, logStartOffset, batches }: PartitionRecords) {
  return { partition, errorCode: 0, highWatermark, logStartOffset, batches };
}

function errorFrame({ partition, error }: PartitionError) {
  const { highWatermark, logStartOffset } = error.extra;
  return {
    partition,
    errorCode: catalogue[error.errorCode].kafkaErrorCode,
    highWatermark: typeof highWatermark === 'number' ? highWatermark : -1,
    logStartOffset: typeof logStartOffset === 'number' ? logStartOffset : -1,
    batches: [],
  };
}

/** Renders the partitions in the requested order. Each has the room that the partitions before it left in the reply. */
async function jsonReply(
  { topicId, partitions }: FetchReply,
  offsets: ReadonlyMap<number, number>,
  room: ReplyRoom,
): Promise<HttpResult> {
  const failures: RivuletError[] = [];
  const results: string[] = [];
  for (const result of partitions) {
    const rendered =
      'error' in result ? result.error : await jsonRecords(result, offsets.get(result.partition) ?? 0, room);
    if (rendered instanceof RivuletError) failures.push(rendered);
    results.push(
      rendered instanceof RivuletError
        ? JSON.stringify({ partition: result.partition, error: problemOf(rendered) })
        : `{${rendered}}`,
    );
  }
  const body = `{"topicId":${JSON.stringify(topicId)},"partitions":[${results.join(',')}]}`;
  return { ...json(200, body, { [TOPIC_ID]: topicId }), failures };
}
