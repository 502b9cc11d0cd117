// ConsumerGroupHeartbeat (68). A member of the consumer protocol (KIP-848) joins, stays, gets its partitions, and leaves.
//
// Versions 0 and 1. From version 1 on the client makes the member id, and may subscribe by an expression. Deviation: each
// reply has the whole assignment, whether it has changed or not.
import { RivuletError } from '../../lib/api/errors.ts';
import { type HeartbeatReply, type HeartbeatRequest, joinEpoch } from '../../lib/api/groups.ts';
import { refused } from '../../lib/api/refusal.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { code, groupCode, messageOf } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopicNames: readonly string[] | null;
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  readonly topicPartitions: readonly TopicPartitions[] | null;
};

type TopicPartitions = { readonly topicId: string; readonly partitions: readonly number[] };

type Reply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  readonly assignment: { readonly topicPartitions: readonly TopicPartitions[] } | null;
};

const firstVersionWithOwnId = 1;

export const consumerGroupHeartbeat = defineApi<Request, Reply>({
  key: 68,
  versions: [0, 1],
  overlaps: false,
  async answer(gateway, request, call) {
    const hasNoId = request.memberId === '' && call.version < firstVersionWithOwnId;
    const memberId = hasNoId ? gateway.engine.classicGroups.newMemberId(call.clientId) : request.memberId;
    try {
      return replyOf(await beat(gateway, heartbeatOf({ ...request, memberId }, call), call));
    } catch (error) {
      const failed = { errorCode: groupCode(error), errorMessage: messageOf(error), memberId };
      return { ...failed, memberEpoch: request.memberEpoch, heartbeatIntervalMs: 0, assignment: null };
    }
  },
});

type Unnumbered = Omit<HeartbeatRequest, 'heartbeatSeq'>;

function heartbeatOf(request: Request, { clientId, host }: Call): Unnumbered {
  const { groupId, memberId, memberEpoch, rebalanceTimeoutMs, topicPartitions } = request;
  const { instanceId, rackId, subscribedTopicNames, subscribedTopicRegex, serverAssignor } = request;
  return {
    ...{ groupId, memberId, memberEpoch, clientId, host },
    ...given({ instanceId, rackId, subscribedTopicNames, subscribedTopicRegex, serverAssignor }),
    ...(rebalanceTimeoutMs >= 0 && { rebalanceTimeoutMs }),
    // The engine goes by the ids.
    ...(topicPartitions && { topicPartitions: topicPartitions.map((each) => ({ topic: '', ...each })) }),
  };
}

type Given<T> = { readonly [K in keyof T]?: NonNullable<T[K]> };

const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Given<T>;

const tries = 3;

/**
 * Another process may have numbered the last heartbeat by a clock that is ahead. Then this one is sent again with a greater
 * number, unless its connection has ended: its client may have sent a newer one elsewhere. For the same reason a heartbeat that
 * has waited until its connection ended does nothing, but for a leave that is not late: nobody waits for the answer to that.
 */
async function beat(
  { engine, heartbeatNumbers }: Gateway,
  request: Unnumbered,
  { signal, receivedMs }: Call,
): Promise<HeartbeatReply> {
  const { groupId, memberId, memberEpoch } = request;
  if (signal.aborted && memberEpoch >= joinEpoch) throw again(`the connection of member ${memberId} ends`);
  let above: number | undefined;
  for (let left = tries; ; left--) {
    const heartbeatSeq = heartbeatNumbers.next({ groupId, memberId, receivedMs }, above);
    if (heartbeatSeq === undefined) throw again(`a newer heartbeat of member ${memberId} has come`);
    try {
      return await engine.groups.heartbeat({ ...request, heartbeatSeq });
    } catch (error) {
      above = error instanceof RivuletError ? (error.extra.heartbeatSeq as number | undefined) : undefined;
      if (above === undefined || left === 1 || signal.aborted) throw error;
    }
  }
}

/** Clients send their heartbeat again after this. */
const again = (why: string): RivuletError =>
  refused('COORDINATOR_LOAD_IN_PROGRESS', `${why}, so this heartbeat does nothing`);

const replyOf = ({ memberId, memberEpoch, heartbeatIntervalMs, assignment }: HeartbeatReply): Reply => ({
  ...{ errorCode: code.none, errorMessage: null, memberId, memberEpoch, heartbeatIntervalMs },
  assignment: { topicPartitions: assignment.map(({ topicId, partitions }) => ({ topicId, partitions })) },
});
