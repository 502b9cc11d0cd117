// JoinGroup (11). A member joins the next generation of its group, and waits for the others.
//
// Versions 0 to 9. From version 4 on a member without an id is given one, and asks again, unless it is static: it has a group
// instance id, and takes the place of the last member with that id. Then no version before 9 can tell a leader that the
// generation has its assignment, so that it is told of no leader.
import type { JoinGroupReply } from '../../lib/api/classic-groups.ts';
import { defineApi } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string;
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
};

type Reply = {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly metadata: Uint8Array;
  }[];
};

const firstVersionWithRequiredId = 4;
const firstVersionWithoutName = 7;
const firstVersionThatSkips = 9;

export const joinGroup = defineApi<Request, Reply>({
  key: 11,
  versions: [0, 9],
  overlaps: false,
  async answer({ engine }, request, { version, clientId, host, signal }) {
    const { groupId, protocolType, sessionTimeoutMs, rebalanceTimeoutMs } = request;
    const instanceId = request.groupInstanceId ?? undefined;
    const memberId = request.memberId || engine.classicGroups.newMemberId(clientId);
    const failed = (errorCode: number): Reply => ({
      ...{ errorCode, generationId: -1, protocolType: null, leader: '', skipAssignment: false, memberId, members: [] },
      protocolName: version < firstVersionWithoutName ? '' : null,
    });
    const mustAskAgain = request.memberId === '' && instanceId === undefined && version >= firstVersionWithRequiredId;
    if (mustAskAgain) return failed(code.memberIdRequired);
    // Frames are not kept, so that what is stored is copied.
    const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) }));
    const timeouts = {
      sessionTimeoutMs,
      rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    };
    try {
      const joined = await engine.classicGroups.join({
        ...{ groupId, memberId, protocolType, protocols, clientId, host, signal },
        ...timeouts,
        ...(instanceId !== undefined && { instanceId }),
      });
      return { ...replyOf(joined, version), memberId };
    } catch (error) {
      return failed(groupCode(error));
    }
  },
});

function replyOf(
  { generation, protocol, members, ...joined }: JoinGroupReply,
  version: number,
): Omit<Reply, 'memberId'> {
  const isTold = !joined.skipAssignment || version >= firstVersionThatSkips;
  return {
    ...joined,
    ...{ errorCode: code.none, generationId: generation, protocolName: protocol },
    leader: isTold ? joined.leader : '',
    members: (isTold ? members : []).map(({ memberId, instanceId = null, metadata }) => ({
      ...{ memberId, groupInstanceId: instanceId, metadata },
    })),
  };
}
