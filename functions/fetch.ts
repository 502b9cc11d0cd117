// Fetch: many partitions of a topic in one long poll, or one partition by GET; as JSON records or as binary batches.
//
// What goes wrong in one partition is its result, and the reply is a 200; the GET of one partition answers with it.

import type { FetchReply, LogEngine, OffsetQuery, PartitionError, PartitionRecords, TopicRef } from '../lib/engine.ts';
import { catalogue, RivuletError } from '../lib/errors.ts';
import { BATCHES_MEDIA_TYPE, encodeFetchFrames } from '../lib/record/frames.ts';
import { defined } from './defined.ts';
import type { HttpResult } from './http-event.ts';
import { jsonRecords, REPLY_BYTES } from './json-records.ts';
import { json, type Operation, operation } from './operation.ts';
import { problemOf } from './problem.ts';
import { fetchedPartition, fetchedPartitions } from './replies.ts';
import { fetchBody, fetchPartitionQuery, partitionPath, topicPath } from './schemas.ts';

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
    status: 200,
    replySchema: fetchedPartitions,
    repliesBatches: true,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INCONSISTENT_TOPIC_ID'],
    run: async ({ path, wantsBatches, signal }, body) => {
      const partitions = body.partitions.map(defined);
      const reply = await engine.fetch({ ...defined({ topic: path.topic, ...body, signal }), partitions });
      if (wantsBatches) return frames(reply);
      const offsets = new Map(partitions.map(({ partition, offset }) => [partition, offset]));
      return json(200, jsonReply(reply, offsets), { [TOPIC_ID]: reply.topicId });
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
      const start = await startOf(engine, { topic }, partition, query);
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
      const one = jsonRecords(result, start.offset, REPLY_BYTES);
      if (one instanceof RivuletError) throw one;
      return json(200, `{"topicId":${JSON.stringify(reply.topicId)},${one.members}}`, { [TOPIC_ID]: reply.topicId });
    },
  });

type Start = { readonly offset: number; readonly topicId?: string };

/** Without a record of that time or later, a reader waits at the end. */
async function startOf(
  engine: LogEngine,
  topic: TopicRef,
  partition: number,
  query: { offset?: number | undefined; timestamp?: number | undefined },
): Promise<Start> {
  if (query.offset !== undefined) return { offset: query.offset };
  const found = await offsetAt(engine, topic, partition, query.timestamp ?? 'earliest');
  if (found.offset >= 0) return found;
  const end = await offsetAt(engine, topic, partition, 'latest');
  // What arrived after the first look lies below the end: it would be passed over.
  const arrived = await offsetAt(engine, topic, partition, query.timestamp ?? 'earliest');
  return arrived.offset >= 0 ? arrived : end;
}

async function offsetAt(engine: LogEngine, topic: TopicRef, partition: number, at: OffsetQuery): Promise<Start> {
  const { topicId, partitions } = await engine.offsets({ ...topic, at, partitions: [partition] });
  return { offset: partitions[0]?.offset ?? -1, topicId };
}

function frames({ topicId, partitions }: FetchReply): HttpResult {
  const body = encodeFetchFrames(
    partitions.map((result) => ('error' in result ? errorFrame(result) : dataFrame(result))),
  );
  return { statusCode: 200, headers: { 'content-type': BATCHES_MEDIA_TYPE, [TOPIC_ID]: topicId }, body };
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

/** Partitions are rendered in the order asked for, each with what the ones before it have left of the reply. */
function jsonReply({ topicId, partitions }: FetchReply, offsets: ReadonlyMap<number, number>): string {
  let left = REPLY_BYTES;
  const results = partitions.map((result) => {
    const rendered = 'error' in result ? result.error : jsonRecords(result, offsets.get(result.partition) ?? 0, left);
    if (rendered instanceof RivuletError)
      return JSON.stringify({ partition: result.partition, error: problemOf(rendered) });
    left -= rendered.bytes;
    return `{${rendered.members}}`;
  });
  return `{"topicId":${JSON.stringify(topicId)},"partitions":[${results.join(',')}]}`;
}
