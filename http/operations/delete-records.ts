// Deletes the records of a topic below an offset per partition.
import type { LogEngine } from '../../lib/api/engine.ts';
import { defined } from '../defined.ts';
import { type Operation, operation } from '../operation.ts';
import { failedWrite, replyOf } from '../results.ts';
import { deletedRecordsList } from '../schemas/replies.ts';
import { deleteRecordsBody, topicPath } from '../schemas/schemas.ts';

export function deleteRecordsOperations(engine: LogEngine): Operation[] {
  return [deleteRecords(engine)];
}

const deleteRecords = (engine: LogEngine) =>
  operation({
    id: 'deleteRecords',
    summary: 'Delete the records below an offset per partition. -1 stands for the high watermark',
    method: 'POST',
    path: '/v1/topics/{topic}/delete-records',
    writes: true,
    pathSchema: topicPath,
    bodySchema: deleteRecordsBody,
    status: 200,
    replySchema: deletedRecordsList,
    repliesResults: true,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INCONSISTENT_TOPIC_ID', 'OFFSET_OUT_OF_RANGE', 'POLICY_VIOLATION'],
    run: async ({ path }, { partitions, topicId }) => {
      const reply = await engine.deleteRecords({ ...defined({ topic: path.topic, topicId }), partitions });
      const results = reply.partitions.map((result) => ('error' in result ? failedWrite(result) : result));
      return replyOf(reply.partitions, { topicId: reply.topicId, partitions: results });
    },
  });
