// The offsets of a topic: the earliest, the latest, the one of the greatest timestamp, or the first at or after a time.
import type { LogEngine } from '../../lib/api/engine.ts';
import { defined } from '../defined.ts';
import { json, type Operation, operation } from '../operation.ts';
import { offsetList } from '../schemas/replies.ts';
import { offsetsQuery, topicPath } from '../schemas/schemas.ts';

export function offsetOperations(engine: LogEngine): Operation[] {
  return [listOffsets(engine)];
}

const listOffsets = (engine: LogEngine) =>
  operation({
    id: 'listOffsets',
    summary:
      'List one offset per partition. It is -1 when no record is at or after the time, or when there is no record',
    method: 'GET',
    path: '/v1/topics/{topic}/offsets',
    pathSchema: topicPath,
    querySchema: offsetsQuery,
    status: 200,
    replySchema: offsetList,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION'],
    run: async ({ path, query, signal }) => {
      const { topicId, partitions } = await engine.offsets(defined({ topic: path.topic, ...query, signal }));
      const offsets = partitions.map(({ partition, offset, timestampMs }) => ({
        partition,
        offset,
        timestamp: timestampMs,
      }));
      return json(200, { topicId, partitions: offsets });
    },
  });
