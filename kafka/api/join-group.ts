// JoinGroup (11). A member joins the next generation of its group, and waits for the others.
//
// Versions 0 to 9. From version 4 on a member without an id is given one, and asks again. Deviations: static membership is
// not served, so that a group instance id is not looked at, and a member that restarts is a new one; no delay waits for
// further members of an empty group.
import { defineApi } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly memberId: string;
  readonly protocolType: string;
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
};

type Reply = {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[];
};

const firstVersionWithRequiredId = 4;
const firstVersionWithoutName = 7;

export const joinGroup = defineApi<Request, Reply>({
  key: 11,
  versions: [0, 9],
  overlaps: false,
  async answer({ engine }, request, { version, clientId, host, signal }) {
    const { groupId, protocolType, sessionTimeoutMs, rebalanceTimeoutMs } = request;
    const memberId = request.memberId || engine.classicGroups.newMemberId(clientId);
    const failed = (errorCode: number): Reply => ({
      ...{ errorCode, generationId: -1, protocolType: null, leader: '', memberId, members: [] },
      protocolName: version < firstVersionWithoutName ? '' : null,
    });
    if (request.memberId === '' && version >= firstVersionWithRequiredId) return failed(code.memberIdRequired);
    // Frames are not kept, so that what is stored is copied.
    const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) }));
    const timeouts = {
      sessionTimeoutMs,
      rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    };
    try {
      const { generation, protocol, ...joined } = await engine.classicGroups.join({
        ...{ groupId, memberId, protocolType, protocols, clientId, host, signal },
        ...timeouts,
      });
      return { ...joined, errorCode: code.none, generationId: generation, protocolName: protocol, memberId };
    } catch (error) {
      return failed(groupCode(error));
    }
  },
});
