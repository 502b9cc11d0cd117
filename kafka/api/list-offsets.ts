// ListOffsets (2). Finds the offset of a time, or an end of a partition.
//
// Versions 1 to 10. The special times are -1 for the end, -2 and -4 for the start (all data is in object storage, so the
// start is the local one too), -3 for the first record with the greatest timestamp, and -5 for the end of what was tiered,
// which is never known. Deviation: nothing is undecided in the log, so both isolation levels see the same end.
import type { OffsetQuery } from '../../lib/api/records.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { isEpochUnknown, leaderEpoch } from '../cluster.ts';
import { eachPartition } from '../each-partition.ts';
import { code, readCode } from '../errors.ts';

type Request = { readonly topics: readonly TopicRequest[] };
type TopicRequest = { readonly name: string; readonly partitions: readonly PartitionRequest[] };

type PartitionRequest = {
  readonly partitionIndex: number;
  readonly currentLeaderEpoch: number;
  readonly timestamp: number;
};

type Reply = { readonly topics: readonly TopicReply[] };
type TopicReply = { readonly name: string; readonly partitions: readonly PartitionReply[] };

type PartitionReply = {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly timestamp: number;
  readonly offset: number;
  readonly leaderEpoch: number;
};

const tiered = -5;

const queries = new Map<number, OffsetQuery>([
  [-1, 'latest'],
  [-2, 'earliest'],
  [-3, 'maxTimestamp'],
  [-4, 'earliest'],
]);

export const listOffsets = defineApi<Request, Reply>({
  key: 2,
  versions: [1, 10],
  overlaps: true,
  async answer(gateway, { topics }, call) {
    const found = await eachPartition<PartitionRequest, PartitionReply, TopicRequest>(
      topics,
      (asked) => none(asked, code.invalidRequest),
      ({ name }, asked) => offsetOf(gateway, name, asked, call),
    );
    return { topics: topics.map(({ name }, i) => ({ name, partitions: found[i]! })) };
  },
});

/** One at a time, because the engine refuses a list that names one unknown partition. */
async function offsetOf(
  { engine }: Gateway,
  topic: string,
  asked: PartitionRequest,
  { signal }: Call,
): Promise<PartitionReply> {
  const { partitionIndex, timestamp } = asked;
  if (isEpochUnknown(asked.currentLeaderEpoch)) return none(asked, code.unknownLeaderEpoch);
  if (timestamp === tiered) return none(asked, code.none);
  const at = queries.get(timestamp) ?? timestamp;
  if (typeof at === 'number' && at < 0) return none(asked, code.invalidRequest);
  try {
    const [found] = (await engine.offsets({ topic, at, partitions: [partitionIndex], signal })).partitions;
    const { offset, timestampMs } = found!;
    const epoch = offset < 0 ? -1 : leaderEpoch;
    return { partitionIndex, errorCode: code.none, timestamp: timestampMs, offset, leaderEpoch: epoch };
  } catch (error) {
    return none(asked, readCode(error));
  }
}

const none = ({ partitionIndex }: PartitionRequest, errorCode: number): PartitionReply => ({
  ...{ partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 },
});
