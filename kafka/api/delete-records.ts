// DeleteRecords (21). Deletes the records of partitions below an offset; -1 stands for all records.
//
// Versions 0 to 2. The new log start of a partition stands in its reply.
import { RivuletError } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import { defineApi, type Gateway } from '../api.ts';
import { changeCode, code } from '../errors.ts';

type Request = { readonly topics: readonly TopicRequest[] };

type TopicRequest = { readonly name: string; readonly partitions: readonly PartitionRequest[] };
type PartitionRequest = { readonly partitionIndex: number; readonly offset: number };

type Reply = { readonly topics: readonly { readonly name: string; readonly partitions: readonly PartitionReply[] }[] };

type PartitionReply = {
  readonly partitionIndex: number;
  readonly lowWatermark: number;
  readonly errorCode: number;
};

const unknown = -1;

export const deleteRecords = defineApi<Request, Reply>({
  key: 21,
  versions: [0, 2],
  overlaps: false,
  async answer(gateway, { topics }) {
    const replies = [];
    for (const [name, asked] of Map.groupBy(topics, (topic) => topic.name))
      replies.push({
        name,
        partitions: await deleteOf(
          gateway,
          name,
          asked.flatMap(({ partitions }) => partitions),
        ),
      });
    return { topics: replies };
  },
});

/** The engine takes so many partitions in one request. */
async function deleteOf(gateway: Gateway, name: string, partitions: readonly PartitionRequest[]) {
  const replies: PartitionReply[] = [];
  for (let from = 0; from < partitions.length; from += limits.deleteRecordsPartitions)
    replies.push(...(await deleteSome(gateway, name, partitions.slice(from, from + limits.deleteRecordsPartitions))));
  return replies;
}

async function deleteSome({ engine }: Gateway, topic: string, asked: readonly PartitionRequest[]) {
  const failed = (partitionIndex: number, error: RivuletError): PartitionReply => ({
    ...{ partitionIndex, lowWatermark: unknown, errorCode: changeCode(error) },
  });
  try {
    const wanted = asked.map(({ partitionIndex, offset }) => ({ partition: partitionIndex, offset }));
    const { partitions } = await engine.deleteRecords({ topic, partitions: wanted });
    return partitions.map((one) =>
      'error' in one
        ? failed(one.partition, one.error)
        : { partitionIndex: one.partition, lowWatermark: one.logStartOffset, errorCode: code.none },
    );
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return asked.map(({ partitionIndex }) => failed(partitionIndex, error));
  }
}
