// This part of the administration deletes records. A refusal for one partition is thrown as an error that names the
// partition. The partitions that were not refused are done.
import { limits } from '../../lib/api/limits.ts';
import { invalid, isClientError } from '../client-error.ts';
import { rangesOf } from '../transport/partition-ranges.ts';
import { oneByOne, slices } from '../transport/parts.ts';
import { paths } from '../transport/paths.ts';
import { allDone, partitionResults } from '../transport/topic-results.ts';
import type { AdminCalls } from './admin-calls.ts';

type PartitionOffset = { readonly partition: number; readonly offset: number };

export type DeleteTopicRecords = {
  readonly topic: string;
  /** Every record below the offset is deleted. -1 means all records that the partition has at the time of the call. */
  readonly partitions: readonly PartitionOffset[];
};

/** `logStartOffset` is the earliest offset that is left. */
export type DeletedTopicRecords = {
  readonly topic: string;
  readonly partition: number;
  readonly logStartOffset: number;
};

export async function deleteTopicRecords(
  calls: AdminCalls,
  { topic, partitions }: DeleteTopicRecords,
): Promise<DeletedTopicRecords[]> {
  if (!Array.isArray(partitions))
    throw invalid(`partitions: expected a list of { partition, offset }, got ${JSON.stringify(partitions)}`);
  const offsets = await repeatable(calls, topic, partitions);
  return oneByOne(
    slices(offsets, limits.deleteRecordsPartitions),
    async (part) => {
      const call = {
        method: 'POST',
        path: paths.deleteRecords(topic),
        body: { partitions: part },
        writes: true,
      } as const;
      const done = await calls.retrying(async () =>
        allDone(partitionResults<Omit<DeletedTopicRecords, 'topic'>>(await calls.exchange(call), topic)),
      );
      return done.map(({ partition, result }) => ({ topic, partition, logStartOffset: result.logStartOffset }));
    },
    () => ({ topic }),
  );
}

/** If the reply to a -1 were lost, the repeat would delete also what was written since. So the end is looked up first. */
async function repeatable(
  calls: AdminCalls,
  topic: string,
  partitions: readonly PartitionOffset[],
): Promise<readonly PartitionOffset[]> {
  const whole = partitions.filter((one) => one?.offset === -1).map(({ partition }) => partition);
  if (whole.length === 0) return partitions;
  try {
    const ends = new Map<number, number>();
    for (const range of rangesOf(whole)) {
      const query = { at: 'latest', partitions: range };
      const page = await calls.read<{ partitions: PartitionOffset[] }>(paths.offsets(topic), query);
      for (const { partition, offset } of page.partitions) ends.set(partition, offset);
    }
    return partitions.map((one) => (one?.offset === -1 ? { ...one, offset: ends.get(one.partition) ?? -1 } : one));
  } catch (error) {
    throw isClientError(error) ? error.with({ outcome: 'not-written' }) : error;
  }
}
