// OffsetFetch (9). Reads what groups have committed: of the partitions that are named, or everything.
//
// Versions 1 to 9; from version 8 on of several groups, and from version 9 on for a member of the consumer protocol. Deviation: no offset is ever undecided, because those of a
// transaction are written when it commits.
import { RivuletError } from '../../lib/api/errors.ts';
import type { CommittedOffset, FetchOffsetsReply, FetchOffsetsRequest } from '../../lib/api/groups.ts';
import type { PartitionError } from '../../lib/api/records.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly topics: readonly TopicRequest[] | null;
  readonly groups: readonly GroupRequest[];
};
type GroupRequest = {
  readonly groupId: string;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly topics: readonly TopicRequest[] | null;
};
type TopicRequest = { readonly name: string; readonly partitionIndexes: readonly number[] };

type Reply = {
  readonly errorCode: number;
  readonly topics: readonly TopicReply[];
  readonly groups: readonly GroupReply[];
};
type GroupReply = {
  readonly groupId: string;
  readonly errorCode: number;
  readonly topics: readonly TopicReply[];
};
type TopicReply = { readonly name: string; readonly partitions: readonly PartitionReply[] };
type PartitionReply = {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly metadata: string;
  readonly errorCode: number;
};

const firstVersionWithGroups = 8;
const groupsAtOnce = 8;

export const offsetFetch = defineApi<Request, Reply>({
  key: 9,
  versions: [1, 9],
  overlaps: true,
  async answer(gateway, { groupId, topics, groups }, { version }) {
    if (version < firstVersionWithGroups)
      return { ...(await offsetsOf(gateway, { groupId, topics, ...nobody })), groups: [] };
    const found = await inParallel(groups, groupsAtOnce, (group) => offsetsOf(gateway, group));
    return { errorCode: code.none, topics: [], groups: found };
  },
});

/** Offsets may be read without membership. */
const nobody = { memberId: null, memberEpoch: -1 };

async function offsetsOf(
  { engine }: Gateway,
  { groupId, memberId, memberEpoch, topics }: GroupRequest,
): Promise<GroupReply> {
  const named: FetchOffsetsRequest['topics'] = topics?.map(({ name, partitionIndexes }) => ({
    topic: name,
    partitions: partitionIndexes,
  }));
  try {
    if (memberId !== null && memberEpoch >= 0) await engine.groups.checkMember({ groupId, memberId, memberEpoch });
    const found = await engine.groups.fetchOffsets({ groupId, ...(named && { topics: named }) });
    return { groupId, errorCode: code.none, topics: found.topics.map(topicReply) };
  } catch (error) {
    return { groupId, errorCode: codeOf(error), topics: [] };
  }
}

const topicReply = ({ topic, partitions }: FetchOffsetsReply['topics'][number]): TopicReply => ({
  name: topic,
  partitions: partitions.map(partitionReply),
});

function partitionReply(found: CommittedOffset | PartitionError): PartitionReply {
  const partitionIndex = found.partition;
  if ('error' in found) {
    // As in Apache Kafka, a partition that does not exist has no offset, and that is no error.
    const isMissing = found.error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION';
    const errorCode = isMissing ? code.none : codeOf(found.error);
    return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode };
  }
  const { offset, leaderEpoch, metadata } = found;
  return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: code.none };
}

/** Clients ask again after this code, and give up after others. */
function codeOf(error: unknown): number {
  const mayRetry = error instanceof RivuletError && error.retriable;
  return mayRetry ? code.coordinatorLoadInProgress : groupCode(error);
}
