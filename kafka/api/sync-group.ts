// SyncGroup (14). The leader of a generation brings the assignment; each member gets its part.
//
// Versions 0 to 5.
import { defineApi } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
};

type Reply = {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
};

export const syncGroup = defineApi<Request, Reply>({
  key: 14,
  versions: [0, 5],
  overlaps: false,
  async answer({ engine }, { groupId, memberId, generationId, ...request }, { signal }) {
    const { groupInstanceId, protocolType, protocolName, assignments } = request;
    try {
      const { protocol, ...synced } = await engine.classicGroups.sync({
        ...{ groupId, memberId, generation: generationId, assignments, signal },
        ...(groupInstanceId !== null && { instanceId: groupInstanceId }),
        ...(protocolType !== null && { protocolType }),
        ...(protocolName !== null && { protocol: protocolName }),
      });
      return { ...synced, errorCode: code.none, protocolName: protocol };
    } catch (error) {
      const errorCode = groupCode(error);
      return { errorCode, protocolType: null, protocolName: null, assignment: new Uint8Array() };
    }
  },
});
