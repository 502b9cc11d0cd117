// Segments, for operators: where a partition's records are stored, and the bytes of one piece.
//
// A segment object may hold batches of other partitions, which the caller may not be allowed to read. So a reply has only
// the stretch of the object that belongs to the partition in the path.
import type { PartitionSegment, Segments } from '../../lib/api/segments.ts';
import { defined } from '../defined.ts';
import { BYTES_TYPE } from '../media-type.ts';
import { json, type Operation, operation } from '../operation.ts';
import { segmentList } from '../schemas/replies.ts';
import { partitionPath, segmentPath, segmentQuery, segmentsQuery } from '../schemas/schemas.ts';

type WithSegments = { readonly segments: Segments };

const OF_PARTITION = '/v1/topics/{topic}/partitions/{p}/segments';

export function segmentOperations(engine: WithSegments): Operation[] {
  return [listSegments(engine), readSegment(engine)];
}

const listSegments = (engine: WithSegments) =>
  operation({
    id: 'listSegments',
    summary: 'List the stored pieces of a partition from an offset on, with `nextOffset` when there are more',
    method: 'GET',
    path: OF_PARTITION,
    pathSchema: partitionPath,
    querySchema: segmentsQuery,
    status: 200,
    replySchema: segmentList,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'CORRUPT_LOG'],
    run: async ({ path, query }) => {
      const { topic, p: partition } = path;
      const { segments, ...reply } = await engine.segments.list(defined({ topic, partition, ...query }));
      return json(200, { ...reply, segments: segments.map(shown) });
    },
  });

const readSegment = (engine: WithSegments) =>
  operation({
    id: 'readSegment',
    summary: 'Read the stored bytes of the piece that holds an offset: its batches, and nothing of other partitions',
    method: 'GET',
    path: `${OF_PARTITION}/{offset}`,
    pathSchema: segmentPath,
    querySchema: segmentQuery,
    status: 200,
    repliesBytes: true,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'OFFSET_OUT_OF_RANGE', 'NOT_FOUND', 'CORRUPT_LOG'],
    run: async ({ path, query }) => {
      const { topic, p: partition, offset } = path;
      const wanted = defined({ topic, partition, offset, ...query });
      const { topicId, segment, bytes } = await engine.segments.read(wanted);
      const headers = {
        ...{ 'content-type': BYTES_TYPE, 'rivulet-topic-id': topicId },
        ...{ 'rivulet-segment-object': segment.object, 'rivulet-segment-bytes': String(segment.bytes) },
      };
      return { statusCode: 200, headers, body: [bytes] };
    },
  });

function shown({ maxTimestampMs, createdMs, ...segment }: PartitionSegment) {
  return { ...segment, maxTimestamp: maxTimestampMs, createdAt: createdMs };
}
