// OffsetForLeaderEpoch (23). Says where the records of a leader's epoch end, by which consumers notice a truncated log.
//
// Versions 2 to 4. There is one epoch, and logs are never truncated: it ends at the end of the log. Every other one is unknown.
import { defineApi, type Gateway } from '../api.ts';
import { isEpochUnknown, leaderEpoch } from '../cluster.ts';
import { eachPartition } from '../each-partition.ts';
import { code, readCode } from '../errors.ts';

type Request = { readonly topics: readonly TopicRequest[] };
type TopicRequest = { readonly topic: string; readonly partitions: readonly PartitionRequest[] };

type PartitionRequest = {
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly leaderEpoch: number;
};

type Reply = { readonly topics: readonly TopicReply[] };
type TopicReply = { readonly topic: string; readonly partitions: readonly PartitionReply[] };

type PartitionReply = {
  readonly errorCode: number;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly endOffset: number;
};

export const offsetForLeaderEpoch = defineApi<Request, Reply>({
  key: 23,
  versions: [2, 4],
  overlaps: true,
  async answer(gateway, { topics }) {
    const ends = await eachPartition<PartitionRequest, PartitionReply, TopicRequest>(
      topics,
      (asked) => none(asked, code.invalidRequest),
      ({ topic }, asked) => endOf(gateway, topic, asked),
    );
    return { topics: topics.map(({ topic }, i) => ({ topic, partitions: ends[i]! })) };
  },
});

async function endOf({ engine }: Gateway, topic: string, asked: PartitionRequest): Promise<PartitionReply> {
  const { partition } = asked;
  if (isEpochUnknown(asked.currentLeaderEpoch)) return none(asked, code.unknownLeaderEpoch);
  try {
    const [end] = (await engine.offsets({ topic, at: 'latest', partitions: [partition] })).partitions;
    if (asked.leaderEpoch !== leaderEpoch) return none(asked, code.none);
    return { partition, errorCode: code.none, leaderEpoch, endOffset: end!.offset };
  } catch (error) {
    return none(asked, readCode(error));
  }
}

const none = ({ partition }: PartitionRequest, errorCode: number): PartitionReply => ({
  ...{ partition, errorCode, leaderEpoch: -1, endOffset: -1 },
});
