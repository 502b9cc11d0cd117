// ConsumerGroupDescribe (69). Describes groups of the consumer protocol (KIP-848).
//
// Versions 0 and 1. A group of the classic protocol is unknown here, as in Apache Kafka: clients ask DescribeGroups then.
import type { GroupDescription, MemberDescription } from '../../lib/api/groups.ts';
import { refused } from '../../lib/api/refusal.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, groupCode, messageOf } from '../errors.ts';

type Request = { readonly groupIds: readonly string[] };

type Reply = { readonly groups: readonly GroupReply[] };

type GroupReply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly groupId: string;
  readonly groupState: string;
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly assignorName: string;
  readonly members: readonly MemberReply[];
};

type MemberReply = {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly memberEpoch: number;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopicNames: readonly string[];
  readonly subscribedTopicRegex: string | null;
  readonly assignment: Assignment;
  readonly targetAssignment: Assignment;
  readonly memberType: number;
};

type Assignment = {
  readonly topicPartitions: readonly {
    readonly topicId: string;
    readonly topicName: string;
    readonly partitions: readonly number[];
  }[];
};

const groupsAtOnce = 8;
/** Not one of the classic protocol that is on its way to this one. */
const memberType = 1;

export const consumerGroupDescribe = defineApi<Request, Reply>({
  key: 69,
  versions: [0, 1],
  overlaps: true,
  async answer(gateway, { groupIds }) {
    return { groups: await inParallel(groupIds, groupsAtOnce, (groupId) => describe(gateway, groupId)) };
  },
});

async function describe({ engine }: Gateway, groupId: string): Promise<GroupReply> {
  try {
    const group = await engine.groups.describe(groupId);
    if (group.protocolType === undefined) return replyOf(group);
    throw refused('GROUP_ID_NOT_FOUND', `group ${groupId} has the classic protocol`);
  } catch (error) {
    const failed = { errorCode: groupCode(error), errorMessage: messageOf(error), groupId };
    return { ...failed, groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] };
  }
}

const replyOf = ({
  groupId,
  state,
  groupEpoch,
  assignmentEpoch,
  assignor,
  memberDetails,
}: GroupDescription): GroupReply => ({
  ...{ errorCode: code.none, errorMessage: null, groupId, groupState: state, groupEpoch, assignmentEpoch },
  assignorName: assignor,
  members: memberDetails.map(memberReply),
});

const memberReply = (member: MemberDescription): MemberReply => ({
  memberId: member.memberId,
  instanceId: member.instanceId ?? null,
  rackId: member.rackId ?? null,
  memberEpoch: member.memberEpoch,
  clientId: member.clientId,
  clientHost: member.host,
  subscribedTopicNames: member.subscribedTopicNames,
  subscribedTopicRegex: member.subscribedTopicRegex ?? null,
  assignment: assignmentOf(member.assignment),
  targetAssignment: assignmentOf(member.targetAssignment),
  memberType,
});

const assignmentOf = (topics: MemberDescription['assignment']): Assignment => ({
  topicPartitions: topics.map(({ topic, topicId, partitions }) => ({ topicId, topicName: topic, partitions })),
});
